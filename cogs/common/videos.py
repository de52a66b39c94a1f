"""Where a member's video is: in an attachment, behind a link, or in another message."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import discord
from discord.http import Route

from bot.client import DISCORD_UNAVAILABLE, REQUEST_ERRORS, ExtendBot, is_unavailable
from bot.domain.errors import RequestRefused
from bot.domain.task import Task
from bot.i18n.text import tr
from cogs.common.components import parse_id

_MESSAGE_LINK = re.compile(
    r"https://(?:\w+\.)?discord(?:app)?\.com/channels/(?P<guild>[0-9]+|@me)/(?P<channel>[0-9]+)/(?P<message>[0-9]+)/?"
)

_VIDEO_NAME = re.compile(r"\.(?:mp4|m4v|mov|webm|mkv|gif|avi)$", re.IGNORECASE)

_EXTEND_BUTTON = re.compile(r"(?P<kind>task|share):more:(?P<id>[0-9]{1,18})")
"""The custom_ids of the buttons under a finished film."""

_NO_RECORD = tr(
    "I no longer have a record of that film, perhaps because its member deleted it: attach the video with /extend."
)

_FETCH_SECONDS = 1.5
"""Of the three in which a press must be answered."""

_NOT_HERE = tr("I cannot read that message: link to one in this server, in a channel that both you and I can see.")

_SHOWS_NONE = tr(
    "I see no video in that message. Discord shows me only some messages: right-click (or long-press) it and choose "
    "Apps → Extend video instead."
)

_FILE = re.compile(r"/(?:ephemeral-)?attachments/[0-9]{1,20}/[0-9]{1,20}/[^/]+\Z", re.IGNORECASE)

_EXPIRY = re.compile(r"[0-9a-f]{1,9}", re.IGNORECASE)

_FIELDS_MAX = 50

_REFRESH_AHEAD = timedelta(hours=1)
"""A task may wait in line before its clip is fetched."""

_REFRESH_SECONDS = 10.0

_GONE = tr("That clip is no longer reachable: attach it again with /extend.")

_NOT_NOW = tr("Discord does not give me that clip just now: try again in a minute, or attach it again with /extend.")


@dataclass(frozen=True, slots=True)
class VideoSource:
    """An address from which the video can be fetched, and its file name if it has one."""

    url: str
    name: str = ""
    size: int = 0
    """Bytes; 0: not known."""


async def check_recorded(bot: ExtendBot, message: discord.Message) -> None:
    """Raise Refused for a message of the bot's that shows a film of which it has no record, or may have none.

    Its member may have deleted their data; the message stays until they delete it, but the bot does not use it.
    """
    if bot.user is None or message.author.id != bot.user.id:
        return
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    ids = [str(getattr(child, "custom_id", "")) for row in rows for child in row.children]
    try:
        for match in filter(None, map(_EXTEND_BUTTON.fullmatch, ids)):
            if match["kind"] == "task":
                await bot.service.task_with_film(int(match["id"]))
            else:
                await bot.sharing.get_with_task(int(match["id"]))
    except RequestRefused as refusal:
        raise RequestRefused(_NO_RECORD) from refusal


def use_attachment(attachment: discord.Attachment) -> VideoSource:
    """The source of an attached file. Its content type is not believed: the file itself is looked at later."""
    return VideoSource(attachment.url, attachment.filename, attachment.size)


def find_video(message: discord.Message) -> VideoSource | None:
    """The first video in a message: its own, a forwarded one, or one in an embed."""
    attachments = [*message.attachments]
    embeds = [*message.embeds]
    for snapshot in message.message_snapshots:
        attachments += snapshot.attachments
        embeds += snapshot.embeds
    for attachment in attachments:
        if (attachment.content_type or "").startswith("video/") or _VIDEO_NAME.search(attachment.filename):
            return use_attachment(attachment)
    for embed in embeds:
        if embed.video.url and embed.type in {"video", "gifv"} and _VIDEO_NAME.search(embed.video.url.split("?")[0]):
            return VideoSource(embed.video.url)
    return None


async def find_result(interaction: discord.Interaction[ExtendBot], task: Task) -> VideoSource | None:
    """Where the task's film is: in the message whose button was pressed, in its reply, or still at FoxAPI.

    FoxAPI's comes last, for it may lack the film's beginning.
    """
    found = find_video(interaction.message) if interaction.message else None
    if found is None and task.outcome_shown and not task.deleted and not task.place.ephemeral:
        found = await _find_in_reply(interaction.client, task)
    if (
        found is None
        and task.result_url
        and task.result_url_expires_at
        and task.result_url_expires_at > interaction.client.now()
    ):
        found = VideoSource(task.result_url)
    return found


async def _find_in_reply(bot: ExtendBot, task: Task) -> VideoSource | None:
    channel = bot.get_partial_messageable(task.place.channel_id, guild_id=task.place.guild_id)
    try:
        async with asyncio.timeout(_FETCH_SECONDS):
            return find_video(await channel.fetch_message(task.place.message_id))
    except REQUEST_ERRORS:
        return None


async def resolve_link(interaction: discord.Interaction[ExtendBot], url: str) -> VideoSource:
    """What a link stands for: a Discord message link for the video in that message, any other for itself.

    Raises Refused when the message cannot be read, by the bot or by the member.
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
    source = find_video(message)
    if source is None:
        raise RequestRefused(_SHOWS_NONE)
    return source


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
    """When the link ends, if it is one to a file at Discord."""
    try:
        address = urlsplit(url)
        signed = dict(parse_qsl(address.query, max_num_fields=_FIELDS_MAX))
    except ValueError:
        return None
    ends = signed.get("ex", "")
    if address.scheme not in {"http", "https"} or not {"is", "hm"} <= signed.keys():
        return None
    if not (_FILE.search(address.path) and _EXPIRY.fullmatch(ends)):
        return None
    return datetime.fromtimestamp(int(ends, 16), UTC)


async def refresh_url(bot: ExtendBot, url: str) -> str:
    """The link, or if it is Discord's and has ended (or is about to), a fresh one. Raises Refused if there is none.

    Discord looks at the address alone: a file that was deleted gets a fresh link too, at which there is nothing.
    """
    ends = parse_expiry(url)
    if ends is None or ends > bot.now() + _REFRESH_AHEAD:
        return url
    # Discord's own client and other libraries use it; its documentation and discord.py 2.7 do not have it.
    route = Route("POST", "/attachments/refresh-urls")
    try:
        async with asyncio.timeout(_REFRESH_SECONDS):
            answer = await bot.http.request(route, json={"attachment_urls": [url]})
    except REQUEST_ERRORS as error:
        raise RequestRefused(_NOT_NOW if is_unavailable(error) else _GONE) from error
    return _parse_refreshed_url(answer)


def _parse_refreshed_url(answer: object) -> str:
    """The link in Discord's answer."""
    match answer:
        case {"refreshed_urls": [{"refreshed": str(fresh)}, *_]} if fresh:
            return fresh
    raise RequestRefused(_GONE)
