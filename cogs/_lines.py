"""What a log channel is told: one compact line per event. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.languages import Language
from bot.news import Event, LimitsChanged, MemberModerated, SubmissionRefused, TaskEnded
from bot.phrase import Translatable, Value, tr, tr_plural, untranslated
from bot.task import Task, TaskRequest, TaskState
from cogs import _rules
from cogs._cards import clock, jump_url

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
    return _rules.row(*_order(order), why, tr("[where]({url})", url=where))


def _ended(task: Task, language: Language) -> Translatable:
    hidden = task.order.private or task.place.ephemeral or task.deletion_requested
    cells = [*_order(task.order, hidden=hidden), _outcome(task, language, hidden=hidden)]
    if task.credits is not None:
        cells.append(tr("{credits} credits", credits=task.credits))
    link = tr("task {id}", id=str(task.id))
    if not hidden:
        link = tr("[task {id}]({url})", id=str(task.id), url=jump_url(task))
    return _rules.row(*cells, link)


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
    prompt = tr("“{prompt}”", prompt=_rules.words(order.prompt, _PROMPT))
    if hidden or order.private:
        prompt = tr("private")
    return [_rules.member(order.user_id), _rules.seconds(order.seconds), prompt]


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
    return _rules.words(language.translate(sentence), _SENTENCE)


def _changed(event: LimitsChanged) -> Translatable:
    changes = _rules.changes(event.fields, event.old, event.new)
    return tr("{by} changed {changes}", by=_rules.member(event.by), changes=changes)


def _ruled(event: MemberModerated) -> Translatable:
    by = _rules.member(event.by)
    if event.user_id is None:
        return tr("{by} reset the count of the server", by=by)
    return _ACTIONS[event.action](by, _rules.member(event.user_id), event.runs)
