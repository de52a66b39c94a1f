"""Loads a finished film as a file, without reading it into memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import discord

from bot.client import REQUEST_ERRORS, ExtendBot
from bot.domain.errors import RequestRefused
from bot.domain.task import Task
from bot.i18n.text import tr
from cogs.common.files import Upload, make_film_upload, make_thumbnail_upload, open_files

_GONE = tr("I no longer have that video file, so I cannot post it.")
_TOO_LARGE = tr("That film is too large to upload to this server, even compressed.")
_DOWNLOAD_SECONDS = 60.0
_FETCH_SECONDS = 10.0


@asynccontextmanager
async def load_film(
    interaction: discord.Interaction[ExtendBot], task: Task, max_bytes: int, *, with_prompt: bool
) -> AsyncIterator[Film]:
    """Yield the video, compressed to at most `max_bytes`, and its thumbnail.

    The video comes from the message with the pressed button, from the film store, or from the task's reply. Downloaded
    files are deleted when the context exits. Raises RequestRefused if no copy of the video is left, or if it would look
    bad when compressed that far.
    """
    bot = interaction.client
    async with bot.services.sharing.open_folder() as folder:
        video = await _find_video(interaction, task, folder / "film.mp4")
        if video is None:
            raise RequestRefused(_GONE)
        if (await asyncio.to_thread(video.stat)).st_size > max_bytes:
            video = await bot.services.sharing.compress(video, task, max_bytes, folder / "fits.mp4")
        if video is None:
            raise RequestRefused(_TOO_LARGE)
        make_thumbnail = bot.services.sharing.make_thumbnail
        thumbnail = None if task.order.spoiler else await make_thumbnail(video, task, folder / "still.jpg")
        yield Film(task, video, thumbnail, with_prompt=with_prompt)


async def _find_video(interaction: discord.Interaction[ExtendBot], task: Task, path: Path) -> Path | None:
    bot, max_bytes = interaction.client, interaction.filesize_limit
    if await _download_attachment(bot, interaction.message, max_bytes, path):
        return path
    if stored := await bot.services.history.find_video(task):
        return stored
    if task.place.ephemeral:
        return None
    channel = bot.get_partial_messageable(task.place.channel_id, guild_id=task.place.guild_id)
    try:
        async with asyncio.timeout(_FETCH_SECONDS):
            message = await channel.fetch_message(task.place.message_id)
    except REQUEST_ERRORS:
        return None
    return path if await _download_attachment(bot, message, max_bytes, path) else None


async def _download_attachment(bot: ExtendBot, message: discord.Message | None, max_bytes: int, path: Path) -> bool:
    """Download the message's video of at most `max_bytes` to `path`; return False if there is none."""
    for attachment in message.attachments if message else []:
        if attachment.filename.endswith(".mp4") and attachment.size <= max_bytes:
            return await bot.services.sharing.fetch(attachment.url, path, _DOWNLOAD_SECONDS)
    return False


@dataclass(frozen=True, slots=True)
class Film:
    """The files of a post."""

    task: Task
    video: Path
    thumbnail: Path | None = None
    with_prompt: bool = True
    """Whether the files' names and alternative texts may contain the prompt."""

    @asynccontextmanager
    async def open_files(self) -> AsyncIterator[list[discord.File]]:
        """Open new File objects for one request. Raises RequestRefused if the film was deleted meanwhile."""
        try:
            async with open_files(*self._list_uploads()) as files:
                yield files
        except FileNotFoundError as error:
            raise RequestRefused(_GONE) from error

    def _list_uploads(self) -> list[Upload]:
        uploads = [make_film_upload(self.task, self.video, with_prompt=self.with_prompt)]
        if self.thumbnail:
            uploads.append(make_thumbnail_upload(self.task, self.thumbnail, with_prompt=self.with_prompt))
        return uploads
