"""What a log channel is told: one compact line per event. Pure."""

from __future__ import annotations

from bot.news import Event, LimitsChanged, MemberRuled, OrderRefused, TaskEnded
from bot.task import Order, State, Task
from cogs import _rules
from cogs._cards import clock, jump_url

_ICONS = {State.DELIVERED: "✅", State.FAILED: "❌", State.CANCELLED: "🚫", State.UNCLEAR: "❔"}
_PROMPT = 80
_SENTENCE = 160
_DEEDS = {
    "blocked": "blocked {who}",
    "unblocked": "unblocked {who}",
    "reset": "reset the count of {who}",
    "granted": "granted {who} {runs:,} extra runs",
}


def line_of(event: Event) -> tuple[int, str] | None:
    """The server to be told and the line; None for what no log shows (a task's one line comes at its end)."""
    match event:
        case TaskEnded(task) if task.order.guild_id is not None:
            return task.order.guild_id, _ended(task)
        case OrderRefused(order, sentence) if order.guild_id is not None:
            where = f"https://discord.com/channels/{order.guild_id}/{order.channel_id}"
            return (
                order.guild_id,
                f"⛔ {_order(order)} · refused: {_rules.words(str(sentence), _SENTENCE)} · [where]({where})",
            )
        case LimitsChanged():
            return event.guild_id, _changed(event)
        case MemberRuled():
            return event.guild_id, _ruled(event)
        case _:
            return None


def _ended(task: Task) -> str:
    parts = [f"{_ICONS.get(task.state, '▫️')} {_order(task.order)}", _outcome(task)]
    if task.credits is not None:
        parts.append(f"{task.credits:g} credits")
    return " · ".join([*parts, f"[task {task.id}]({jump_url(task)})"])


def _outcome(task: Task) -> str:
    if task.state is State.DELIVERED:
        return f"finished, {clock(task.film.seconds)}" if task.film else "finished"
    if task.state is State.UNCLEAR:
        return "nobody knows whether FoxAPI took it"
    reason = f": {_rules.words(str(task.reason), _SENTENCE)}" if task.reason else ""
    return f"{task.state}{reason}"


def _order(order: Order) -> str:
    return f"{_rules.member(order.user_id)} · {order.seconds} s · “{_rules.words(order.prompt, _PROMPT)}”"


def _changed(event: LimitsChanged) -> str:
    said = "; ".join(_rules.change(name, event.old, event.new) for name in event.fields)
    return f"⚙️ {_rules.member(event.by)} changed {said}"


def _ruled(event: MemberRuled) -> str:
    who = "the server" if event.user_id is None else _rules.member(event.user_id)
    return f"⚙️ {_rules.member(event.by)} {_DEEDS[event.deed].format(who=who, runs=event.runs)}"
