"""A fresh link to a file at Discord: signed links end after about a day (Discord docs, Signed Attachment CDN URLs)."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from discord.http import Route

from bot.client import REQUEST_ERRORS, ExtendBot, is_unavailable
from bot.phrase import tr
from bot.task import RequestRefused

_FILE = re.compile(r"/(?:ephemeral-)?attachments/[0-9]{1,20}/[0-9]{1,20}/[^/]+\Z", re.IGNORECASE)
_ENDS = re.compile(r"[0-9a-f]{1,9}", re.IGNORECASE)
_MOST_FIELDS = 50
_AHEAD = timedelta(hours=1)
"""A task may wait in line before its clip is fetched."""
_ASK_SECONDS = 10.0
_GONE = tr("That clip is no longer reachable: attach it again with /extend.")
_NOT_NOW = tr("Discord does not give me that clip just now: try again in a minute, or attach it again with /extend.")


def expires_at(url: str) -> datetime | None:
    """When the link ends, if it is one to a file at Discord."""
    try:
        address = urlsplit(url)
        signed = dict(parse_qsl(address.query, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return None
    ends = signed.get("ex", "")
    if address.scheme not in {"http", "https"} or not {"is", "hm"} <= signed.keys():
        return None
    if not (_FILE.search(address.path) and _ENDS.fullmatch(ends)):
        return None
    return datetime.fromtimestamp(int(ends, 16), UTC)


async def refresh_url(bot: ExtendBot, url: str) -> str:
    """The link, or if it is Discord's and has ended (or is about to), a fresh one. Raises Refused if there is none.

    Discord looks at the address alone: a file that was deleted gets a fresh link too, at which there is nothing.
    """
    ends = expires_at(url)
    if ends is None or ends > bot.now() + _AHEAD:
        return url
    # Discord's own client and other libraries use it; its documentation and discord.py 2.7 do not have it.
    route = Route("POST", "/attachments/refresh-urls")
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            answer = await bot.http.request(route, json={"attachment_urls": [url]})
    except REQUEST_ERRORS as error:
        raise RequestRefused(_NOT_NOW if is_unavailable(error) else _GONE) from error
    return _of(answer)


def _of(answer: object) -> str:
    """The link in Discord's answer."""
    match answer:
        case {"refreshed_urls": [{"refreshed": str(fresh)}, *_]} if fresh:
            return fresh
    raise RequestRefused(_GONE)
