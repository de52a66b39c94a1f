"""No commands: writes what happens into servers' log channels, and never disturbs anything else."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import discord
from discord.ext import commands

from bot.client import REQUEST_ERRORS, ExtendBot, guild_language
from bot.domain.events import Event, LimitsChanged, MemberModerated, SubmissionRefused, TaskEnded
from bot.domain.limits import GuildLimits
from bot.domain.task import Task, TaskRequest, TaskState
from bot.i18n import Language
from bot.i18n.text import Translatable, Value, tr, tr_plural, untranslated
from cogs.common import formatting
from cogs.common.embeds import CONTENT_MAX, cut, length
from cogs.common.formatting import clock, jump_url
from cogs.limits import text

log = logging.getLogger(__name__)

_WAITING = 200
"""Lines that wait for one channel; the oldest is dropped for one more."""

_LAST_SECONDS = 2.0
"""How long the end of the program waits for lines to be written."""

_ICONS = {TaskState.DELIVERED: "✅", TaskState.FAILED: "❌", TaskState.CANCELLED: "🚫", TaskState.UNCLEAR: "❔"}

_PROMPT = 80

_SENTENCE = 160

_Action = Callable[[str, str, int], Translatable]
"""Of who did it, to whom, and how many."""

_ACTIONS: dict[str, _Action] = {
    "blocked": lambda by, who, _: tr("{by} blocked {who}", by=by, who=who),
    "unblocked": lambda by, who, _: tr("{by} unblocked {who}", by=by, who=who),
    "reset": lambda by, who, _: tr("{by} reset the count of {who}", by=by, who=who),
    "granted": lambda by, who, runs: tr_plural(
        "{by} granted {who} {count} extra run", "{by} granted {who} {count} extra runs", runs, by=by, who=who
    ),
}


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


def server_of(event: Event) -> int | None:
    """The server whose log shows it; None for what no log shows (a task's one line comes at its end)."""
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
    """The line; for what has a server."""
    match event:
        case TaskEnded(task):
            return f"{_ICONS.get(task.state, '▫️')} {language.translate(_ended(task, language))}"
        case SubmissionRefused():
            return f"⛔ {language.translate(_refused(event, language))}"
        case LimitsChanged():
            return f"⚙️ {language.translate(_changed(event))}"
        case MemberModerated():
            return f"⚙️ {language.translate(_ruled(event))}"
        case _:
            return ""


def _refused(event: SubmissionRefused, language: Language) -> Translatable:
    order = event.order
    where = f"https://discord.com/channels/{order.guild_id}/{order.channel_id}"
    sentence = _mask(event.sentence) if order.private else event.sentence
    why = tr("refused: {sentence}", sentence=_short(sentence, language))
    return formatting.row(*_order(order), why, tr("[where]({url})", url=where))


def _ended(task: Task, language: Language) -> Translatable:
    hidden = task.order.private or task.place.ephemeral or task.deletion_requested
    cells = [*_order(task.order, hidden=hidden), _outcome(task, language, hidden=hidden)]
    if task.credits is not None:
        cells.append(tr("{credits} credits", credits=task.credits))
    link = tr("task {id}", id=str(task.id))
    if not hidden:
        link = tr("[task {id}]({url})", id=str(task.id), url=jump_url(task))
    return formatting.row(*cells, link)


def _outcome(task: Task, language: Language, *, hidden: bool) -> Translatable:
    reason = _short(_mask(task.reason) if hidden else task.reason, language) if task.reason else ""
    match task.state:
        case TaskState.DELIVERED:
            return tr("finished, {length}", length=clock(task.film.seconds)) if task.film else tr("finished")
        case TaskState.UNCLEAR:
            return tr("nobody knows whether FoxAPI took it")
        case TaskState.CANCELLED:
            return tr("cancelled: {reason}", reason=reason) if reason else tr("cancelled")
        case TaskState.FAILED:
            return tr("failed: {reason}", reason=reason) if reason else tr("failed")
        case _:
            return untranslated(task.state)


def _order(order: TaskRequest, *, hidden: bool = False) -> list[Value]:
    """Who asked for what. The prompt of a private task is nobody else's, and a reason may quote it."""
    prompt = tr("“{prompt}”", prompt=formatting.words(order.prompt, _PROMPT))
    if hidden or order.private:
        prompt = tr("private")
    return [formatting.member(order.user_id), formatting.seconds(order.seconds), prompt]


def _mask(phrase: Translatable) -> Translatable:
    """The phrase without what it quotes, which may be of the prompt; numbers and our own words stay."""
    masked: dict[str, Value] = {}
    for name, value in phrase.values.items():
        masked[name] = (
            _mask(value) if isinstance(value, Translatable) else "…" if isinstance(value, str | tuple) else value
        )
    return replace(phrase, values=masked)


def _short(sentence: Translatable, language: Language) -> str:
    """A sentence that may hold what somebody wrote, bounded."""
    return formatting.words(language.translate(sentence), _SENTENCE)


def _changed(event: LimitsChanged) -> Translatable:
    changes = text.describe_changes(event.fields, event.old, event.new)
    return tr("{by} changed {changes}", by=formatting.member(event.by), changes=changes)


def _ruled(event: MemberModerated) -> Translatable:
    by = formatting.member(event.by)
    if event.user_id is None:
        return tr("{by} reset the count of the server", by=by)
    return _ACTIONS[event.action](by, formatting.member(event.user_id), event.runs)
