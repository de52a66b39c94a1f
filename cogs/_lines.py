"""What a log channel is told: one compact line per event. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.languages import Language
from bot.news import Event, LimitsChanged, MemberRuled, OrderRefused, TaskEnded
from bot.phrase import Phrase, Value, counted, say, verbatim
from bot.task import Order, State, Task
from cogs import _rules
from cogs._cards import clock, jump_url

_ICONS = {State.DELIVERED: "✅", State.FAILED: "❌", State.CANCELLED: "🚫", State.UNCLEAR: "❔"}
_PROMPT = 80
_SENTENCE = 160

_Deed = Callable[[str, str, int], Phrase]
"""Of who did it, to whom, and how many."""
_DEEDS: dict[str, _Deed] = {
    "blocked": lambda by, who, _: say("{by} blocked {who}", by=by, who=who),
    "unblocked": lambda by, who, _: say("{by} unblocked {who}", by=by, who=who),
    "reset": lambda by, who, _: say("{by} reset the count of {who}", by=by, who=who),
    "granted": lambda by, who, runs: counted(
        "{by} granted {who} {count} extra run", "{by} granted {who} {count} extra runs", runs, by=by, who=who
    ),
}


def server_of(event: Event) -> int | None:
    """The server whose log shows it; None for what no log shows (a task's one line comes at its end)."""
    match event:
        case TaskEnded(task):
            return task.order.guild_id
        case OrderRefused(order):
            return order.guild_id
        case LimitsChanged() | MemberRuled():
            return event.guild_id
        case _:
            return None


def line_of(event: Event, language: Language) -> str:
    """The line; for what has a server."""
    match event:
        case TaskEnded(task):
            return f"{_ICONS.get(task.state, '▫️')} {language.tell(_ended(task, language))}"
        case OrderRefused():
            return f"⛔ {language.tell(_refused(event, language))}"
        case LimitsChanged():
            return f"⚙️ {language.tell(_changed(event))}"
        case MemberRuled():
            return f"⚙️ {language.tell(_ruled(event))}"
        case _:
            return ""


def _refused(event: OrderRefused, language: Language) -> Phrase:
    order = event.order
    where = f"https://discord.com/channels/{order.guild_id}/{order.channel_id}"
    sentence = _mask(event.sentence) if order.private else event.sentence
    why = say("refused: {sentence}", sentence=_short(sentence, language))
    return _rules.row(*_order(order), why, say("[where]({url})", url=where))


def _ended(task: Task, language: Language) -> Phrase:
    hidden = task.order.private or task.place.ephemeral or task.forgotten
    cells = [*_order(task.order, hidden=hidden), _outcome(task, language, hidden=hidden)]
    if task.credits is not None:
        cells.append(say("{credits} credits", credits=task.credits))
    link = say("task {id}", id=str(task.id))
    if not hidden:
        link = say("[task {id}]({url})", id=str(task.id), url=jump_url(task))
    return _rules.row(*cells, link)


def _outcome(task: Task, language: Language, *, hidden: bool) -> Phrase:
    reason = _short(_mask(task.reason) if hidden else task.reason, language) if task.reason else ""
    match task.state:
        case State.DELIVERED:
            return say("finished, {length}", length=clock(task.film.seconds)) if task.film else say("finished")
        case State.UNCLEAR:
            return say("nobody knows whether FoxAPI took it")
        case State.CANCELLED:
            return say("cancelled: {reason}", reason=reason) if reason else say("cancelled")
        case State.FAILED:
            return say("failed: {reason}", reason=reason) if reason else say("failed")
        case _:
            return verbatim(task.state)


def _order(order: Order, *, hidden: bool = False) -> list[Value]:
    """Who asked for what. The prompt of a private task is nobody else's, and a reason may quote it."""
    prompt = say("“{prompt}”", prompt=_rules.words(order.prompt, _PROMPT))
    if hidden or order.private:
        prompt = say("private")
    return [_rules.member(order.user_id), _rules.seconds(order.seconds), prompt]


def _mask(phrase: Phrase) -> Phrase:
    """The phrase without what it quotes, which may be of the prompt; numbers and our own words stay."""
    masked: dict[str, Value] = {}
    for name, value in phrase.values.items():
        masked[name] = _mask(value) if isinstance(value, Phrase) else "…" if isinstance(value, str | tuple) else value
    return replace(phrase, values=masked)


def _short(sentence: Phrase, language: Language) -> str:
    """A sentence that may hold what somebody wrote, bounded."""
    return _rules.words(language.tell(sentence), _SENTENCE)


def _changed(event: LimitsChanged) -> Phrase:
    changes = _rules.changes(event.fields, event.old, event.new)
    return say("{by} changed {changes}", by=_rules.member(event.by), changes=changes)


def _ruled(event: MemberRuled) -> Phrase:
    by = _rules.member(event.by)
    if event.user_id is None:
        return say("{by} reset the count of the server", by=by)
    return _DEEDS[event.deed](by, _rules.member(event.user_id), event.runs)
