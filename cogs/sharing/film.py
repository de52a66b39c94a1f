"""A finished film as a file, wherever it is still to be had. It is never read into memory as a whole."""

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
from cogs.common.files import open_files
from cogs.common.formatting import RESULT_NAME, THUMBNAIL_NAME

GONE = tr("I no longer have that video as a file, so I cannot post it.")
_READ_SECONDS = 60.0

_ASK_SECONDS = 10.0


@asynccontextmanager
async def load_film(interaction: discord.Interaction[ExtendBot], task: Task) -> AsyncIterator[Film]:
    """The video and a still of it: from the message pressed on, from disk, or from the reply. Raises Refused.

    What had to be fetched is there until the caller is done with it.
    """
    bot = interaction.client
    async with bot.services.sharing.folder() as folder:
        video = await _found(interaction, task, folder / "film.mp4")
        if video is None:
            raise RequestRefused(GONE)
        yield Film(video, await bot.services.sharing.make_thumbnail(video, task, folder / "still.jpg"))


async def _found(interaction: discord.Interaction[ExtendBot], task: Task, into: Path) -> Path | None:
    bot, most = interaction.client, interaction.filesize_limit
    if await _attached(bot, interaction.message, most, into):
        return into
    if kept := await bot.services.history.stored_video(task):
        return kept
    if task.place.ephemeral:
        return None
    place = bot.get_partial_messageable(task.place.channel_id, guild_id=task.place.guild_id)
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            message = await place.fetch_message(task.place.message_id)
    except REQUEST_ERRORS:
        return None
    return into if await _attached(bot, message, most, into) else None


async def _attached(bot: ExtendBot, message: discord.Message | None, most: int, into: Path) -> bool:
    """Fetch the message's video, which is at most as large as Discord took it; say whether it is there."""
    for attachment in message.attachments if message else []:
        if attachment.filename.endswith(".mp4") and attachment.size <= most:
            return await bot.services.sharing.fetch(attachment.url, into, _READ_SECONDS)
    return False


@dataclass(frozen=True, slots=True)
class Film:
    """What a post carries."""

    video: Path
    still: Path | None

    @asynccontextmanager
    async def files(self) -> AsyncIterator[list[discord.File]]:
        """New File objects, for each serves one request. Raises Refused if the film was deleted meanwhile."""
        wanted = [(self.video, RESULT_NAME), *([(self.still, THUMBNAIL_NAME)] if self.still else [])]
        try:
            async with open_files(*wanted) as files:
                yield files
        except FileNotFoundError as error:
            raise RequestRefused(GONE) from error
