"""The lines of the moderators' log: one for each event that concerns a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.domain.events import (
    Event,
    LimitsChanged,
    MemberModerated,
    ReplyDeleted,
    ShareChanged,
    ShowcaseChanged,
    SubmissionRefused,
    TaskEnded,
)
from bot.domain.task import Task, TaskRequest, TaskState
from bot.i18n import Language
from bot.i18n.text import Translatable, Value, tr, tr_plural, untranslated
from cogs.common import formatting
from cogs.common.formatting import format_clock, jump_url, post_url
from cogs.limits import text

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


def guild_of(event: Event) -> int | None:
    """Return the server whose log shows the event; None if no log shows it (a task is logged once it ends)."""
    match event:
        case TaskEnded(task):
            return task.order.guild_id
        case SubmissionRefused(order):
            return order.guild_id
        case ReplyDeleted(task):
            return task.order.guild_id
        case ShareChanged(share):
            return share.guild_id
        case LimitsChanged() | MemberModerated() | ShowcaseChanged():
            return event.guild_id
        case _:
            return None


def entry_text(event: Event, language: Language) -> str:
    """Return the event's line, for events with a server."""
    icon, phrase = "⚙️", None
    match event:
        case TaskEnded(task):
            icon, phrase = _ICONS.get(task.state, "▫️"), _describe_end(task, language)
        case SubmissionRefused():
            icon, phrase = "⛔", _describe_refusal(event, language)
        case LimitsChanged():
            phrase = _describe_change(event)
        case MemberModerated():
            phrase = _describe_moderation(event)
        case ShowcaseChanged():
            phrase = _describe_showcase(event)
        case ShareChanged():
            icon, phrase = "📣", _describe_share(event)
        case ReplyDeleted():
            icon, phrase = "🗑️", _describe_deletion(event)
    return f"{icon} {language.translate(phrase)}" if phrase else ""


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


def _describe_showcase(event: ShowcaseChanged) -> Translatable:
    by = formatting.mention_member(event.by)
    if event.channel_id is None:
        return tr("{by} turned the showcase off", by=by)
    return tr("{by} chose {channel} as the showcase", by=by, channel=f"<#{event.channel_id}>")


def _describe_share(event: ShareChanged) -> Translatable:
    """Describe a post, which is linked while it exists; its prompt may be hidden, so it is left out."""
    share, by = event.share, formatting.mention_member(event.by)
    task, where = str(share.task_id), f"<#{share.channel_id}>"
    if event.posted:
        return tr("{by} shared [task {task}]({url}) in {where}", by=by, task=task, url=post_url(share), where=where)
    if event.by == share.user_id:
        return tr("{by} unshared task {task} in {where}", by=by, task=task, where=where)
    who = formatting.mention_member(share.user_id)
    return tr("{by} unshared task {task} of {who} in {where}", by=by, task=task, who=who, where=where)


def _describe_deletion(event: ReplyDeleted) -> Translatable:
    by, who = formatting.mention_member(event.by), formatting.mention_member(event.task.order.user_id)
    return tr("{by} deleted the result of {who}, task {task}", by=by, who=who, task=str(event.task.id))
