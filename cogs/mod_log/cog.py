"""The moderators' log: posts events into servers' log channels. It has no commands, and its failures stay its own."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import timedelta

import discord
from discord.ext import commands

from bot.client import REQUEST_ERRORS, ExtendBot, get_guild_language
from bot.domain.events import Event, LimitsChanged
from bot.domain.limits import GuildLimits
from cogs.common.embeds import CONTENT_MAX, count_utf16, truncate
from cogs.mod_log.lines import entry_text, guild_of

log = logging.getLogger(__name__)

_QUEUE_MAX = 200
"""Maximum lines queued for one channel; the oldest is dropped when another one arrives."""

_FIRST_GAP = timedelta(minutes=1)
"""Until a channel that refuses posts is tried again: 10,000 invalid requests in ten minutes ban the address."""

_FLUSH_SECONDS = 2.0
"""How long the shutdown waits for queued lines to be posted."""


class ModLog(commands.Cog):
    """Reads the services' events. Each channel has its own writer, so that a slow channel does not delay others."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        self.first_gap = _FIRST_GAP
        self._waiting: dict[int, deque[str]] = {}
        self._writers: dict[int, asyncio.Task[None]] = {}
        self._refusing: set[int] = set()
        """The channels whose last post failed."""

    async def cog_load(self) -> None:
        """Start reading events."""
        self._reader = asyncio.create_task(self._read(), name="mod log")

    async def cog_unload(self) -> None:
        """Stop; give the writers a short time to post queued lines."""
        self._reader.cancel()
        writers = list(self._writers.values())
        if posting := [writer for channel_id, writer in self._writers.items() if channel_id not in self._refusing]:
            await asyncio.wait(posting, timeout=_FLUSH_SECONDS)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(self._reader, *writers, return_exceptions=True)

    async def _read(self) -> None:
        while True:
            event = await self._bot.services.events.get()
            try:
                await self._handle(event)
            except Exception:  # one event that fails must not stop the log
                log.exception("could not write %s to a log channel", type(event).__name__)

    async def _handle(self, event: Event) -> None:
        guild_id = guild_of(event)
        if guild_id is None:
            return
        limits = await self._limits(guild_id, event)
        channel_id = _channel_of(limits, event)
        if channel_id is not None:
            if isinstance(event, LimitsChanged):
                await self._try_again_now(guild_id, channel_id)  # a moderator may just have repaired it
            line = entry_text(event, get_guild_language(self._bot, guild_id, limits))
            self._waiting.setdefault(channel_id, deque(maxlen=_QUEUE_MAX)).append(truncate(line, CONTENT_MAX))
            if channel_id not in self._writers:
                self._writers[channel_id] = asyncio.create_task(
                    self._write(guild_id, channel_id), name=f"mod log {channel_id}"
                )

    async def _limits(self, guild_id: int, event: Event) -> GuildLimits:
        if isinstance(event, LimitsChanged):
            return event.new
        return await self._bot.services.moderation.get_limits(guild_id)

    async def _try_again_now(self, guild_id: int, channel_id: int) -> None:
        """End the wait for the next try of a channel that refuses posts."""
        await self._bot.services.log_channels.forget_refusal(guild_id)
        writer = self._writers.get(channel_id)
        if channel_id in self._refusing and writer:
            self._refusing.remove(channel_id)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _write(self, guild_id: int, channel_id: int) -> None:
        """Post all queued lines. A channel that refuses a post is tried again after gaps that grow."""
        waiting, channels = self._waiting[channel_id], self._bot.services.log_channels
        try:
            refusal = await channels.get_refusal(guild_id, channel_id)
            while waiting:
                if refusal:
                    self._refusing.add(channel_id)
                    await asyncio.sleep((refusal.retry_at - self._bot.now()).total_seconds())
                page = _take_page(waiting)
                if await self._post(guild_id, channel_id, page):
                    self._refusing.discard(channel_id)
                    if refusal:
                        await channels.forget_refusal(guild_id)
                    refusal = None
                    continue
                self._refusing.add(channel_id)
                if len(waiting) < _QUEUE_MAX:
                    waiting.appendleft(page)
                gap = refusal.gap * 2 if refusal else self.first_gap
                refusal = await channels.record_refusal(guild_id, channel_id, gap)
        finally:
            del self._writers[channel_id]

    async def _post(self, guild_id: int, channel_id: int, text: str) -> bool:
        channel = self._bot.get_partial_messageable(channel_id, guild_id=guild_id)
        try:
            await channel.send(text, allowed_mentions=discord.AllowedMentions.none(), suppress_embeds=True, silent=True)
        except REQUEST_ERRORS as error:
            if channel_id not in self._refusing:
                log.warning("could not post to log channel %d of server %d: %s", channel_id, guild_id, error)
            return False
        return True


def _channel_of(limits: GuildLimits, event: Event) -> int | None:
    """Return the log channel; if the log was just turned off, the old channel, so that it records that."""
    old = event.old.log_channel_id if isinstance(event, LimitsChanged) else None
    return limits.log_channel_id or old


def _take_page(waiting: deque[str]) -> str:
    """Take as many lines as fit into one message, at least one."""
    text = waiting.popleft()
    while waiting and count_utf16(text) + 1 + count_utf16(waiting[0]) <= CONTENT_MAX:
        text += "\n" + waiting.popleft()
    return text
