"""Checks and resolves the links that members give: message links, and links to Discord's files, which expire."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import discord
from discord.http import Route

from bot.client import DISCORD_UNAVAILABLE, REQUEST_ERRORS, ExtendBot, is_unavailable
from bot.domain.errors import RequestRefused
from bot.i18n.text import tr
from cogs.common.components import parse_id
from cogs.common.videos import VideoSource, check_recorded, find_videos

_MESSAGE_LINK = re.compile(
    r"https://(?:\w+\.)?discord(?:app)?\.com/channels/(?P<guild>[0-9]+|@me)/(?P<channel>[0-9]+)/(?P<message>[0-9]+)/?"
)

_NOT_HERE = tr(
    "The bot cannot read that message. Link to a message in this server, in a channel that you and the bot can see."
)

_SHOWS_NONE = tr(
    "The bot sees no video in that message. If it has one, right-click (or long-press) the message and choose "
    "Apps → Extend video."
)

_FILE_HOSTS = ("cdn.discordapp.com", "media.discordapp.net")

_FILE = re.compile(r"/(?:ephemeral-)?attachments/[0-9]{1,20}/[0-9]{1,20}/[^/]+\Z", re.IGNORECASE)

_EXPIRY = re.compile(r"[0-9a-f]{1,9}", re.IGNORECASE)

_FIELDS_MAX = 50

_REFRESH_AHEAD = timedelta(hours=1)
"""How long a link must still be valid: a task may be queued before its clip is downloaded."""

_REFRESH_SECONDS = 10.0

_GONE = tr("That clip can no longer be downloaded. Attach it again with /extend.")

_NOT_NOW = tr(
    "Discord cannot provide that clip right now. Try again in a minute, or attach the clip again with /extend."
)


class SeveralVideos(RequestRefused):
    """A linked message has several videos, and the member did not say which one."""

    def __init__(self, sources: Sequence[VideoSource]) -> None:
        super().__init__(
            tr("That message has {count} videos: press **Edit** and choose one of them.", count=len(sources))
        )
        self.sources = sources


def is_link(text: str) -> bool:
    """Whether the text is a link at all. What is behind it is checked later."""
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    return address.scheme in {"http", "https"} and bool(address.netloc)


def check_link(text: str) -> None:
    """Raise RequestRefused if the text is not a link."""
    if not is_link(text):
        raise RequestRefused(
            tr(
                "“{text}” is not a link to a video. Paste its whole address, which begins with https://, or attach the "
                "video.",
                text=text[:100],
            )
        )


async def resolve_link(interaction: discord.Interaction[ExtendBot], url: str) -> VideoSource:
    """Resolve a Discord message link to the video in that message; return any other link as it is.

    Raises SeveralVideos if the message has more than one, RequestRefused if the bot or the member cannot read it.
    """
    link = _MESSAGE_LINK.fullmatch(url)
    if link is None:
        return VideoSource(url)
    if interaction.guild is None or link["guild"] != str(interaction.guild_id):
        raise RequestRefused(_NOT_HERE)
    try:
        channel_id, message_id = parse_id(link["channel"]), parse_id(link["message"])
    except RequestRefused:
        raise RequestRefused(_NOT_HERE) from None
    message = await _fetch_message(interaction, interaction.guild, channel_id, message_id)
    await check_recorded(interaction.client, message)
    sources = find_videos(message)
    if not sources:
        raise RequestRefused(_SHOWS_NONE)
    if len(sources) > 1:
        raise SeveralVideos(sources)
    return sources[0]


async def _fetch_message(
    interaction: discord.Interaction[ExtendBot], guild: discord.Guild, channel_id: int, message_id: int
) -> discord.Message:
    channel = guild.get_channel_or_thread(channel_id)
    member = interaction.user
    if not isinstance(channel, discord.abc.Messageable) or not isinstance(member, discord.Member):
        raise RequestRefused(_NOT_HERE)
    may = channel.permissions_for(member)
    if not (may.view_channel and may.read_message_history):
        raise RequestRefused(_NOT_HERE)
    try:
        if isinstance(channel, discord.Thread) and channel.is_private() and not may.manage_threads:
            await channel.fetch_member(member.id)
        return await channel.fetch_message(message_id)
    except REQUEST_ERRORS as error:
        raise RequestRefused(DISCORD_UNAVAILABLE if is_unavailable(error) else _NOT_HERE) from error


def parse_expiry(url: str) -> datetime | None:
    """Return when a signed link to one of Discord's files expires; None for other links."""
    try:
        address = urlsplit(url)
        signed = dict(parse_qsl(address.query, max_num_fields=_FIELDS_MAX))
    except ValueError:
        return None
    expiry = signed.get("ex", "")
    if address.scheme not in {"http", "https"} or not {"is", "hm"} <= signed.keys():
        return None
    if not (_FILE.search(address.path) and _EXPIRY.fullmatch(expiry)):
        return None
    return datetime.fromtimestamp(int(expiry, 16), UTC)


def is_unsigned(url: str) -> bool:
    """Whether this is a link to one of Discord's files without the signature that makes it work."""
    try:
        address = urlsplit(url)
    except ValueError:
        return False
    hosts = {*_FILE_HOSTS, urlsplit(Route.BASE).netloc}
    return address.netloc in hosts and bool(_FILE.search(address.path)) and parse_expiry(url) is None


async def refresh_url(bot: ExtendBot, url: str) -> str:
    """Return the link, or a new one if it is Discord's and unsigned, or expires soon.

    Raises RequestRefused if Discord gives none. Discord signs any address: a deleted file gets a new link too, and
    downloading it fails.
    """
    expires_at = parse_expiry(url)
    if not is_unsigned(url) and (expires_at is None or expires_at > bot.now() + _REFRESH_AHEAD):
        return url
    # Discord's client and other libraries use this endpoint; Discord's docs and discord.py 2.7 do not have it.
    route = Route("POST", "/attachments/refresh-urls")
    try:
        async with asyncio.timeout(_REFRESH_SECONDS):
            answer = await bot.http.request(route, json={"attachment_urls": [url]})
    except REQUEST_ERRORS as error:
        raise RequestRefused(_NOT_NOW if is_unavailable(error) else _GONE) from error
    return _parse_refreshed_url(answer)


def _parse_refreshed_url(answer: object) -> str:
    """Return the new link in Discord's answer. Raises RequestRefused if there is none."""
    match answer:
        case {"refreshed_urls": [{"refreshed": str(fresh)}, *_]} if fresh:
            return fresh
    raise RequestRefused(_GONE)
