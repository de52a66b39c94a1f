"""A server's rules in words: for the panel, for the log channel, and for answers to commands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

from discord.utils import escape_markdown

from bot.languages import own_name
from bot.phrase import Phrase, Value, counted, say, verbatim
from bot.rules import Limits
from bot.service import LIMIT_NAMES
from cogs._embeds import cut, length

_BAR = 8
_LISTED = 12
"""Mentions in one list; the rest are counted."""
NO_LIMIT, NONE = say("no limit"), say("none")

NUMBERS = ("user_per_day", "server_per_day", "user_running", "server_running", "max_seconds", "cooldown")
"""Limits that are numbers, with 0 for "no limit"."""


def of(used: int, limit: int) -> Phrase:
    """How much of a limit is used: a small bar and both numbers."""
    if not limit:
        return say("**{used}** · no limit", used=used)
    full = min(_BAR, -(-used * _BAR // limit))
    bar = "▰" * full + "▱" * (_BAR - full)
    return say("{bar} **{used}** of {limit}", bar=bar, used=used, limit=limit)


def number(name: str, value: int) -> Phrase:
    """One limit that is a number, in words."""
    if name == "cooldown":
        return duration(value) if value else say("no wait")
    if not value:
        return NO_LIMIT
    return seconds(value) if name == "max_seconds" else _told(value)


def duration(span: int) -> Phrase:
    """A time span as people say it: "90 s", "5 min", "2 h", "3 days"."""
    if span > 86400 and span % 86400 == 0:
        return counted("{count} day", "{count} days", span // 86400)
    if span >= 3600 and span % 3600 == 0:
        return say("{hours} h", hours=span // 3600)
    if span >= 60 and span % 60 == 0:
        return say("{minutes} min", minutes=span // 60)
    return seconds(span)


def seconds(number: int) -> Phrase:
    """So many seconds."""
    return say("{seconds} s", seconds=number)


def member(user_id: int) -> str:
    """A mention of a member."""
    return f"<@{user_id}>"


def role(role_id: int) -> str:
    """A mention of a role."""
    return f"<@&{role_id}>"


def channel(channel_id: int) -> str:
    """A mention of a channel."""
    return f"<#{channel_id}>"


def row(*cells: Value) -> Phrase:
    """Cells of a line, side by side. It has no words of its own, so that no catalogue needs it."""
    places = {f"cell{at}": cell for at, cell in enumerate(cells)}
    return Phrase(" · ".join(f"{{{name}}}" for name in places), places)


def joined(pieces: Iterable[str | Phrase], more: int = 0) -> Phrase | None:
    """The pieces one after the other, and how many `more` there are; None if there is none."""
    told = [verbatim(each) if isinstance(each, str) else each for each in pieces]
    if not told:
        return None
    every = reduce(lambda before, after: say("{before}, {after}", before=before, after=after), told)
    return counted("{list} and {count} more", "{list} and {count} more", more, list=every) if more else every


def listed(ids: Iterable[int], show: Callable[[int], str], none: Phrase) -> Phrase:
    """Mentions, at most a dozen, and how many more there are."""
    every = sorted(ids)
    return joined(map(show, every[:_LISTED]), max(0, len(every) - _LISTED)) or none


def words(text: str, limit: int = 100) -> str:
    """What somebody wrote, in one line: bounded, and without any markdown of its own."""
    line = " ".join(text.split())
    return escape_markdown(cut(line, limit), ignore_links=False)


def forbidden(limits: Limits, limit: int = 300) -> Phrase:
    """The forbidden words, as many as fit."""
    shown: list[str] = []
    room = limit
    for word in map(words, limits.forbidden):
        room -= length(word) + 2
        if room < 0:
            break
        shown.append(word)
    return joined(shown, len(limits.forbidden) - len(shown)) or NONE


def value(name: str, limits: Limits) -> Phrase:
    """What one limit is set to, in words; `name` is its field's."""
    if name in NUMBERS:
        return number(name, getattr(limits, name))
    return _SAID[name](limits)


def change(name: str, old: Limits, new: Limits) -> Phrase:
    """What became of one limit, in words: "a member's tasks in 24 hours: 5 → 3"."""
    return say("{limit}: {old} → {new}", limit=LIMIT_NAMES[name], old=value(name, old), new=value(name, new))


def changes(names: Sequence[str], old: Limits, new: Limits) -> Phrase:
    """The same of several limits, at least one."""
    said = [change(name, old, new) for name in names]
    return reduce(lambda before, after: say("{before}; {after}", before=before, after=after), said)


def by_role(limits: Limits) -> Phrase:
    """The roles with a daily number of their own."""
    ordered = sorted(limits.role_per_day.items(), key=lambda each: (each[1] != 0, -each[1]))
    shown = [
        say("{role} {number}", role=role(role_id), number=number("user_per_day", most))
        for role_id, most in ordered[:_LISTED]
    ]
    return joined(shown, max(0, len(ordered) - _LISTED)) or NONE


def language(code: str | None) -> Phrase:
    """The language that moderators chose, by its own name."""
    return verbatim(own_name(code)) if code else say("as Discord says")


def _told(value: int) -> Phrase:
    """A number by itself."""
    return Phrase("{number}", {"number": value})


def _pause(limits: Limits) -> Phrase:
    if limits.paused is None:
        return say("off")
    return say("on ({reason})", reason=words(limits.paused, 300)) if limits.paused else say("on")


def _private(limits: Limits) -> Phrase:
    return say("allowed") if limits.private_allowed else say("not allowed")


def _open(limits: Limits) -> Phrase:
    return say("for everyone") if limits.open_everywhere else say("for moderators and exempt roles")


def _mentioned(show: Callable[[int], str], found: int | None) -> Phrase:
    return verbatim(show(found)) if found else NONE


_SAID: dict[str, Callable[[Limits], Phrase]] = {
    "role_per_day": by_role,
    "required_role": lambda limits: _mentioned(role, limits.required_role),
    "exempt_roles": lambda limits: listed(limits.exempt_roles, role, NONE),
    "channels": lambda limits: listed(limits.channels, channel, say("all")),
    "private_allowed": _private,
    "open_everywhere": _open,
    "forbidden": forbidden,
    "paused": _pause,
    "log_channel_id": lambda limits: _mentioned(channel, limits.log_channel_id),
    "language": lambda limits: language(limits.language),
}
