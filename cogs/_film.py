"""The bytes of a finished film, wherever they are still to be had."""

from __future__ import annotations

import asyncio

import discord

from bot.client import REQUEST_ERRORS, ExtendBot
from bot.phrase import say
from bot.task import Refused, Task
from cogs._posting import Film

_READ_SECONDS = 60.0


async def film_of(interaction: discord.Interaction[ExtendBot], task: Task) -> Film:
    """The video and a still of it: from the message pressed on, from disk, or from the reply. Raises Refused."""
    bot = interaction.client
    video = await _attached(interaction.message, interaction.filesize_limit)
    if video is None and (path := await bot.library.film(task)):
        video = await asyncio.to_thread(path.read_bytes)
    if video is None and not task.place.ephemeral:
        place = bot.get_partial_messageable(task.place.channel_id, guild_id=task.place.guild_id)
        try:
            video = await _attached(await place.fetch_message(task.place.message_id), interaction.filesize_limit)
        except REQUEST_ERRORS:
            video = None
    if video is None:
        raise Refused(say("I no longer have that video as a file, so I cannot post it."))
    return Film(video, await bot.sharing.still(video, task))


async def _attached(message: discord.Message | None, most: int) -> bytes | None:
    """The bytes of the message's video, which is at most as large as Discord took it."""
    for attachment in message.attachments if message else []:
        if attachment.filename.endswith(".mp4") and attachment.size <= most:
            try:
                async with asyncio.timeout(_READ_SECONDS):
                    return await attachment.read()
            except REQUEST_ERRORS:
                return None
    return None
