"""Finds a member's video in an attachment, a link or a message; refreshes Discord's signed attachment links."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import discord

from bot.client import REQUEST_ERRORS, ExtendBot
from bot.domain.errors import RequestRefused
from bot.domain.task import Task
from bot.domain.video_files import is_video_name
from bot.i18n.text import tr

_UNKNOWN_TYPES = frozenset({None, "application/octet-stream"})

_HIDDEN_TEXT = re.compile(r"\|\|(.+?)\|\|", re.DOTALL)

_SPOILER_CHANNEL = 1 << 21
"""Discord docs, Channel Flags; not in discord.py 2.7."""

_EXTEND_BUTTON = re.compile(r"(?P<kind>task|share):more:(?P<id>[0-9]{1,18})")
"""The custom_ids of the buttons under a finished video."""

_NO_RECORD = tr(
    "The bot no longer has a record of that video; its member may have deleted it. Attach the video with /extend."
)

_FETCH_SECONDS = 1.5
"""Part of the three seconds within which a press must be acknowledged."""


@dataclass(frozen=True, slots=True)
class VideoSource:
    """The URL of a video, and its file name if it has one."""

    url: str
    name: str = ""
    size: int = 0
    """Bytes; 0 if unknown."""
    spoiler: bool = False
    """Whether its author has hidden it as a spoiler."""


async def check_recorded(bot: ExtendBot, message: discord.Message) -> None:
    """Raise RequestRefused for a message of the bot that shows a video without a record.

    Its member may have deleted their data. The message stays until they delete it, but the bot does not use it.
    """
    if bot.user is None or message.author.id != bot.user.id:
        return
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    ids = [str(getattr(child, "custom_id", "")) for row in rows for child in row.children]
    try:
        for match in filter(None, map(_EXTEND_BUTTON.fullmatch, ids)):
            if match["kind"] == "task":
                await bot.services.tasks.get_task_with_film(int(match["id"]))
            else:
                await bot.services.sharing.get_with_task(int(match["id"]))
    except RequestRefused as refusal:
        raise RequestRefused(_NO_RECORD) from refusal


def use_attachment(attachment: discord.Attachment) -> VideoSource:
    """Return the source for an attached file. Its content type is ignored; the file itself is probed later."""
    return VideoSource(attachment.url, attachment.filename, attachment.size, attachment.is_spoiler())


def find_video(message: discord.Message) -> VideoSource | None:
    """Return the first of :func:`find_videos`; None if there is none."""
    return next(iter(find_videos(message)), None)


def find_videos(message: discord.Message) -> list[VideoSource]:
    """Return the videos in a message and in what it forwards, each once.

    Videos are attached, in components, or in embeds. A file without a content type and a known name is taken only if
    there is nothing else: it is probed later.
    """
    hidden = is_spoiler_channel(message.channel)
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    found = {source.url: source for part in parts for source in _list_videos(part)}
    if not found:
        unnamed = [each for part in parts for each in part.attachments if each.content_type in _UNKNOWN_TYPES]
        found = {each.url: use_attachment(each) for each in unnamed}
    return [replace(source, spoiler=source.spoiler or hidden) for source in found.values()]


def is_spoiler_channel(channel: object) -> bool:
    """Whether Discord hides all media in the channel (Discord docs, Channel Flags).

    discord.py 2.7 keeps the flags of threads and forums only, so other spoiler channels are not recognised.
    """
    flags = getattr(channel, "flags", None)
    return bool(flags and flags.value & _SPOILER_CHANNEL)


def _list_videos(part: discord.Message | discord.MessageSnapshot) -> Iterator[VideoSource]:
    for attachment in part.attachments:
        if (attachment.content_type or "").startswith("video/") or is_video_name(attachment.filename):
            yield use_attachment(attachment)
    for source in _list_component_media(part.components):
        if is_video_name(urlsplit(source.url).path):
            yield source
    for embed in part.embeds:
        urls = [url for url in (embed.video.url, embed.video.proxy_url) if url]
        if url := next((url for url in urls if is_video_name(url.split("?")[0])), None):
            yield VideoSource(url, spoiler=_is_hidden_link(part.content, embed.url))


def _list_component_media(components: Iterable[object], *, hidden: bool = False) -> Iterator[VideoSource]:
    """List the media in Components V2: galleries and files, also in containers (Discord docs, Component Reference)."""
    for component in components:
        spoiler = hidden or bool(getattr(component, "spoiler", False))
        if isinstance(component, discord.Container):
            yield from _list_component_media(component.children, hidden=spoiler)
        elif isinstance(component, discord.FileComponent):
            yield VideoSource(component.media.url, component.name or "", component.size or 0, spoiler)
        elif isinstance(component, discord.MediaGalleryComponent):
            for item in component.items:
                yield VideoSource(item.media.url, spoiler=hidden or item.spoiler)


def _is_hidden_link(content: str, url: str | None) -> bool:
    """Whether the message hides this link with spoiler bars: ||link||."""
    return bool(url) and any(str(url) in hidden for hidden in _HIDDEN_TEXT.findall(content))


async def find_result(interaction: discord.Interaction[ExtendBot], task: Task) -> VideoSource | None:
    """Find the task's video: in the message whose button was pressed, in the task's reply, or at FoxAPI.

    FoxAPI comes last, because its file may lack the beginning of the video.
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
