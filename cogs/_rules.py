"""A server's rules in words: for the panel, for the log channel, and for answers to commands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from discord.utils import escape_markdown

from bot.rules import Limits

_BAR = 8
_LISTED = 12
"""Mentions in one list; the rest are counted."""

NUMBERS = {
    "user_per_day": "a member's tasks in 24 hours",
    "server_per_day": "the server's tasks in 24 hours",
    "user_running": "a member's unfinished tasks",
    "server_running": "the server's tasks at FoxAPI at once",
    "max_seconds": "seconds added by one task",
    "cooldown": "seconds between a member's tasks",
}
"""Limits that are numbers, with 0 for "no limit": their names and what they count."""

_OTHERS = {
    "role_per_day": "daily numbers of roles",
    "required_role": "role that is needed",
    "exempt_roles": "roles free of the numbers",
    "channels": "channels",
    "private_allowed": "private replies",
    "open_everywhere": "channels that are not age-restricted",
    "forbidden": "forbidden words",
    "paused": "pause",
    "log_channel_id": "log channel",
}


def of(used: int, limit: int) -> str:
    """How much of a limit is used: a small bar and both numbers."""
    if not limit:
        return f"**{used:,}** · no limit"
    full = min(_BAR, -(-used * _BAR // limit))
    return f"{'▰' * full}{'▱' * (_BAR - full)} **{used:,}** of {limit:,}"


def number(name: str, value: int) -> str:
    """One limit that is a number, in words."""
    if not value:
        return "no wait" if name == "cooldown" else "no limit"
    return duration(value) if name == "cooldown" else f"{value:,} s" if name == "max_seconds" else f"{value:,}"


def duration(seconds: int) -> str:
    """A time span as people say it: "90 s", "5 min", "2 h", "3 days"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return "24 h" if seconds == 86400 else f"{seconds // size} {unit}"
    return f"{seconds:,} s"


def member(user_id: int) -> str:
    """A mention of a member."""
    return f"<@{user_id}>"


def role(role_id: int) -> str:
    """A mention of a role."""
    return f"<@&{role_id}>"


def channel(channel_id: int) -> str:
    """A mention of a channel."""
    return f"<#{channel_id}>"


def listed(ids: Iterable[int], show: Callable[[int], str], none: str) -> str:
    """Mentions, at most a dozen, and how many more there are."""
    every = sorted(ids)
    if not every:
        return none
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return ", ".join(show(each) for each in every[:_LISTED]) + more


def words(text: str, limit: int = 100) -> str:
    """What somebody wrote, in one line: bounded, and without any markdown of its own."""
    line = " ".join(text.split())
    short = line if len(line) <= limit else line[: limit - 1] + "…"
    return escape_markdown(short, ignore_links=False)


def forbidden(limits: Limits, limit: int = 300) -> str:
    """The forbidden words, as many as fit."""
    shown = ""
    for at, word in enumerate(limits.forbidden):
        piece = f"{', ' if at else ''}{words(word)}"
        if len(shown) + len(piece) > limit:
            return f"{shown} and {len(limits.forbidden) - at} more"
        shown += piece
    return shown or "none"


def value(name: str, limits: Limits) -> str:
    """What one limit is set to, in words; `name` is its field's."""
    if name in NUMBERS:
        return number(name, getattr(limits, name))
    return _SAID[name](limits)


def change(name: str, old: Limits, new: Limits) -> str:
    """What became of one limit, in words: "a member's tasks in 24 hours: 5 → 3"."""
    return f"{NUMBERS.get(name) or _OTHERS[name]}: {value(name, old)} → {value(name, new)}"


def by_role(limits: Limits) -> str:
    """The roles with a daily number of their own."""
    ordered = sorted(limits.role_per_day.items(), key=lambda each: (each[1] != 0, -each[1]))
    shown = [f"{role(role_id)} {number('user_per_day', most)}" for role_id, most in ordered[:_LISTED]]
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return ", ".join(shown) + more if shown else "none"


def _pause(limits: Limits) -> str:
    if limits.paused is None:
        return "off"
    return f"on ({words(limits.paused, 300)})" if limits.paused else "on"


_SAID: dict[str, Callable[[Limits], str]] = {
    "role_per_day": by_role,
    "required_role": lambda limits: role(limits.required_role) if limits.required_role else "none",
    "exempt_roles": lambda limits: listed(limits.exempt_roles, role, "none"),
    "channels": lambda limits: listed(limits.channels, channel, "all"),
    "private_allowed": lambda limits: "allowed" if limits.private_allowed else "not allowed",
    "open_everywhere": lambda limits: "for everyone" if limits.open_everywhere else "for moderators and exempt roles",
    "forbidden": forbidden,
    "paused": _pause,
    "log_channel_id": lambda limits: channel(limits.log_channel_id) if limits.log_channel_id else "none",
}
