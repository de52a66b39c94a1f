"""No commands: writes what happens into servers' log channels, and never disturbs anything else."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

import discord
from discord.ext import commands

from bot.client import REQUEST_ERRORS, ExtendBot, guild_language
from bot.news import Event, LimitsChanged
from bot.rules import GuildLimits
from cogs._embeds import CONTENT_MAX, cut, length
from cogs._lines import entry_text, server_of

log = logging.getLogger(__name__)

_WAITING = 200
"""Lines that wait for one channel; the oldest is dropped for one more."""
_LAST_SECONDS = 2.0
"""How long the end of the program waits for lines to be written."""


class ModLog(commands.Cog):
    """Takes the service's news; one writer per channel, so that a slow one holds up no other."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        self._waiting: dict[int, deque[str]] = {}
        self._writers: dict[int, asyncio.Task[None]] = {}
        self._failing: set[int] = set()

    async def cog_load(self) -> None:
        """Begin to listen."""
        self._reader = asyncio.create_task(self._read(), name="journal")

    async def cog_unload(self) -> None:
        """Stop; what waits is still written if that is quick."""
        self._reader.cancel()
        writers = list(self._writers.values())
        if writers:
            await asyncio.wait(writers, timeout=_LAST_SECONDS)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(self._reader, *writers, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            event = await self._bot.service.events.get()
            try:
                await self._handle(event)
            except Exception:  # a log that cannot be written must not end the log
                log.exception("could not tell a log channel of %s", type(event).__name__)

    async def _handle(self, event: Event) -> None:
        guild_id = server_of(event)
        if guild_id is None:
            return
        limits = await self._limits(guild_id, event)
        channel_id = _channel(limits, event)
        if channel_id is not None:
            line = entry_text(event, guild_language(self._bot, guild_id, limits))
            self._waiting.setdefault(channel_id, deque(maxlen=_WAITING)).append(cut(line, CONTENT_MAX))
            if channel_id not in self._writers:
                self._writers[channel_id] = asyncio.create_task(
                    self._write(guild_id, channel_id), name=f"journal {channel_id}"
                )

    async def _limits(self, guild_id: int, event: Event) -> GuildLimits:
        if isinstance(event, LimitsChanged):
            return event.new
        return await self._bot.service.moderation.limits_of(guild_id)

    async def _write(self, guild_id: int, channel_id: int) -> None:
        waiting = self._waiting[channel_id]
        try:
            while waiting:
                await self._post(guild_id, channel_id, _page(waiting))
        finally:
            del self._writers[channel_id]

    async def _post(self, guild_id: int, channel_id: int, text: str) -> None:
        channel = self._bot.get_partial_messageable(channel_id, guild_id=guild_id)
        try:
            await channel.send(text, allowed_mentions=discord.AllowedMentions.none(), suppress_embeds=True, silent=True)
        except REQUEST_ERRORS as error:
            if channel_id not in self._failing:
                log.warning("log channel %d of server %d does not take lines: %s", channel_id, guild_id, error)
            self._failing.add(channel_id)
        else:
            self._failing.discard(channel_id)


def _channel(limits: GuildLimits, event: Event) -> int | None:
    """Where the server wants it; the end of the log itself is still told in the old channel."""
    old = event.old.log_channel_id if isinstance(event, LimitsChanged) else None
    return limits.log_channel_id or old


def _page(waiting: deque[str]) -> str:
    """Take as many of the lines as one message holds, at least one."""
    text = waiting.popleft()
    while waiting and length(text) + 1 + length(waiting[0]) <= CONTENT_MAX:
        text += "\n" + waiting.popleft()
    return text


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(ModLog(bot))
