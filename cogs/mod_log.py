"""The moderators' log: posts events into servers' log channels. It has no commands, and its failures stay its own."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import discord
from discord.ext import commands

from bot.client import REQUEST_ERRORS, ExtendBot, get_guild_language
from bot.domain.events import Event, LimitsChanged, MemberModerated, SubmissionRefused, TaskEnded
from bot.domain.limits import GuildLimits
from bot.domain.task import Task, TaskRequest, TaskState
from bot.i18n import Language
from bot.i18n.text import Translatable, Value, tr, tr_plural, untranslated
from cogs.common import formatting
from cogs.common.embeds import CONTENT_MAX, count_utf16, truncate
from cogs.common.formatting import format_clock, jump_url
from cogs.limits import text

log = logging.getLogger(__name__)

_QUEUE_MAX = 200
"""Maximum lines queued for one channel; the oldest is dropped when another one arrives."""

_FIRST_GAP = timedelta(minutes=1)
"""Until a channel that refuses posts is tried again: 10,000 invalid requests in ten minutes ban the address."""

_FLUSH_SECONDS = 2.0
"""How long the shutdown waits for queued lines to be posted."""

_ICONS = {TaskState.DELIVERED: "✅", TaskState.FAILED: "❌", TaskState.CANCELLED: "🚫", TaskState.UNCLEAR: "❔"}

_PROMPT_MAX = 80

_SENTENCE_MAX = 160

_Action = Callable[[str, str, int], Translatable]
"""Takes mentions of the moderator and the member, and a number of runs."""

_ACTIONS: dict[str, _Action] = {
    "blocked": lambda by, who, _: tr("{by} blocked {who}", by=by, who=who),
    "unblocked": lambda by, who, _: tr("{by} unblocked {who}", by=by, who=who),
    "reset": lambda by, who, _: tr("{by} reset the count of {who}", by=by, who=who),
    "granted": lambda by, who, runs: tr_plural(
        "{by} granted {who} {count} extra run", "{by} granted {who} {count} extra runs", runs, by=by, who=who
    ),
}


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


def guild_of(event: Event) -> int | None:
    """Return the server whose log shows the event; None if no log shows it (a task is logged once it ends)."""
    match event:
        case TaskEnded(task):
            return task.order.guild_id
        case SubmissionRefused(order):
            return order.guild_id
        case LimitsChanged() | MemberModerated():
            return event.guild_id
        case _:
            return None


def entry_text(event: Event, language: Language) -> str:
    """Return the event's line, for events with a server."""
    match event:
        case TaskEnded(task):
            return f"{_ICONS.get(task.state, '▫️')} {language.translate(_describe_end(task, language))}"
        case SubmissionRefused():
            return f"⛔ {language.translate(_describe_refusal(event, language))}"
        case LimitsChanged():
            return f"⚙️ {language.translate(_describe_change(event))}"
        case MemberModerated():
            return f"⚙️ {language.translate(_describe_moderation(event))}"
        case _:
            return ""


def _describe_refusal(event: SubmissionRefused, language: Language) -> Translatable:
    order = event.order
    where = f"https://discord.com/channels/{order.guild_id}/{order.channel_id}"
    sentence = _mask(event.sentence) if order.private else event.sentence
    why = tr("refused: {sentence}", sentence=_shorten(sentence, language))
    return formatting.join_cells(*_request_cells(order), why, tr("[where]({url})", url=where))


def _describe_end(task: Task, language: Language) -> Translatable:
    hidden = task.order.private or task.place.ephemeral or task.deletion_requested
    cells = [*_request_cells(task.order, hidden=hidden), _describe_outcome(task, language, hidden=hidden)]
    if task.credits is not None:
        cells.append(tr("{credits} credits", credits=task.credits))
    link = tr("task {id}", id=str(task.id))
    if not hidden:
        link = tr("[task {id}]({url})", id=str(task.id), url=jump_url(task))
    return formatting.join_cells(*cells, link)


def _describe_outcome(task: Task, language: Language, *, hidden: bool) -> Translatable:
    reason = _shorten(_mask(task.reason) if hidden else task.reason, language) if task.reason else ""
    match task.state:
        case TaskState.DELIVERED:
            return tr("finished, {length}", length=format_clock(task.film.seconds)) if task.film else tr("finished")
        case TaskState.UNCLEAR:
            return tr("unknown whether FoxAPI accepted it")
        case TaskState.CANCELLED:
            return tr("cancelled: {reason}", reason=reason) if reason else tr("cancelled")
        case TaskState.FAILED:
            return tr("failed: {reason}", reason=reason) if reason else tr("failed")
        case _:
            return untranslated(task.state)


def _request_cells(order: TaskRequest, *, hidden: bool = False) -> list[Value]:
    """Return member, seconds and prompt. The prompt of a private task is not shown."""
    prompt = tr("“{prompt}”", prompt=formatting.escape_line(order.prompt, _PROMPT_MAX))
    if hidden or order.private:
        prompt = tr("private")
    return [formatting.mention_member(order.user_id), formatting.format_seconds(order.seconds), prompt]


def _mask(phrase: Translatable) -> Translatable:
    """Return the sentence without the texts that it quotes, which may be from the prompt; numbers stay."""
    masked: dict[str, Value] = {}
    for name, value in phrase.values.items():
        masked[name] = (
            _mask(value) if isinstance(value, Translatable) else "…" if isinstance(value, str | tuple) else value
        )
    return replace(phrase, values=masked)


def _shorten(sentence: Translatable, language: Language) -> str:
    """Translate, escape and truncate a sentence, which may quote a member."""
    return formatting.escape_line(language.translate(sentence), _SENTENCE_MAX)


def _describe_change(event: LimitsChanged) -> Translatable:
    changes = text.describe_changes(event.fields, event.old, event.new)
    return tr("{by} changed {changes}", by=formatting.mention_member(event.by), changes=changes)


def _describe_moderation(event: MemberModerated) -> Translatable:
    by = formatting.mention_member(event.by)
    if event.user_id is None:
        return tr("{by} reset the count of the server", by=by)
    return _ACTIONS[event.action](by, formatting.mention_member(event.user_id), event.runs)


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(ModLog(bot))
