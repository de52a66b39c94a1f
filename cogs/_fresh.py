"""A fresh link to a file at Discord: signed links end after about a day (Discord docs, Signed Attachment CDN URLs)."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import aiohttp
import discord
from discord.http import Route

from bot.client import ExtendBot
from bot.phrase import say
from bot.task import Refused

_ATTACHMENT = re.compile(
    r"https?://[^/?#]+/(?:[^?#]*/)?(?:ephemeral-)?attachments/[0-9]+/[0-9]+/[^/?#]+\?(?P<query>[^#]*)", re.IGNORECASE
)
_SECONDS = re.compile("[0-9a-f]{1,9}", re.IGNORECASE)
_AHEAD = timedelta(hours=1)
"""A task may wait in line before its clip is fetched."""
_ASK_SECONDS = 10.0
_GONE = say("That clip is no longer reachable: attach it again with /extend.")
_NOT_NOW = say("Discord does not give me that clip just now: try again in a minute, or attach it again with /extend.")


def ends_at(url: str) -> datetime | None:
    """When the link ends, if it is one to a file at Discord."""
    found = _ATTACHMENT.fullmatch(url)
    if found is None:
        return None
    fields = dict(part.partition("=")[::2] for part in found["query"].split("&"))
    if not {"is", "hm"} <= fields.keys() or not _SECONDS.fullmatch(fields.get("ex", "")):
        return None
    return datetime.fromtimestamp(int(fields["ex"], 16), UTC)


async def renewed(bot: ExtendBot, url: str) -> str:
    """The link, or if it is Discord's and has ended (or is about to), a fresh one. Raises Refused if there is none.

    Discord looks at the address alone: a file that was deleted gets a fresh link too, at which there is nothing.
    """
    ends = ends_at(url)
    if ends is None or ends > bot.now() + _AHEAD:
        return url
    # Discord's own client and other libraries use it; its documentation and discord.py 2.7 do not have it.
    route = Route("POST", "/attachments/refresh-urls")
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            answer = await bot.http.request(route, json={"attachment_urls": [url]})
    except discord.HTTPException as error:
        raise Refused(_NOT_NOW if error.status == 429 or error.status >= 500 else _GONE) from error
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, discord.RateLimited) as error:
        raise Refused(_NOT_NOW) from error
    return _of(answer)


def _of(answer: object) -> str:
    """The link in Discord's answer."""
    match answer:
        case {"refreshed_urls": [{"refreshed": str(fresh)}, *_]} if fresh:
            return fresh
    raise Refused(_GONE)
