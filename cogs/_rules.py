"""A server's rules in words: for the panel, for the log channel, and for answers to commands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

from discord.utils import escape_markdown

from bot.languages import native_name
from bot.phrase import Translatable, Value, tr, tr_plural, untranslated
from bot.rules import GuildLimits
from bot.service import LIMIT_NAMES
from cogs._embeds import cut, length

_BAR = 8
_LISTED = 12
"""Mentions in one list; the rest are counted."""
NO_LIMIT, NONE = tr("no limit"), tr("none")

NUMBERS = ("user_per_day", "server_per_day", "user_running", "server_running", "max_seconds", "cooldown")
"""Limits that are numbers, with 0 for "no limit"."""


def usage_bar(used: int, limit: int) -> Translatable:
    """How much of a limit is used: a small bar and both numbers."""
    if not limit:
        return tr("**{used}** · no limit", used=used)
    full = min(_BAR, -(-used * _BAR // limit))
    bar = "▰" * full + "▱" * (_BAR - full)
    return tr("{bar} **{used}** of {limit}", bar=bar, used=used, limit=limit)


def number(name: str, value: int) -> Translatable:
    """One limit that is a number, in words."""
    if name == "cooldown":
        return duration(value) if value else tr("no wait")
    if not value:
        return NO_LIMIT
    return seconds(value) if name == "max_seconds" else _language_text(value)


def duration(span: int) -> Translatable:
    """A time span as people say it: "90 s", "5 min", "2 h", "3 days"."""
    if span > 86400 and span % 86400 == 0:
        return tr_plural("{count} day", "{count} days", span // 86400)
    if span >= 3600 and span % 3600 == 0:
        return tr("{hours} h", hours=span // 3600)
    if span >= 60 and span % 60 == 0:
        return tr("{minutes} min", minutes=span // 60)
    return seconds(span)


def seconds(number: int) -> Translatable:
    """So many seconds."""
    return tr("{seconds} s", seconds=number)


def member(user_id: int) -> str:
    """A mention of a member."""
    return f"<@{user_id}>"


def role(role_id: int) -> str:
    """A mention of a role."""
    return f"<@&{role_id}>"


def channel(channel_id: int) -> str:
    """A mention of a channel."""
    return f"<#{channel_id}>"


def row(*cells: Value) -> Translatable:
    """Cells of a line, side by side. It has no words of its own, so that no catalogue needs it."""
    places = {f"cell{at}": cell for at, cell in enumerate(cells)}
    return Translatable(" · ".join(f"{{{name}}}" for name in places), places)


def joined(pieces: Iterable[str | Translatable], more: int = 0) -> Translatable | None:
    """The pieces one after the other, and how many `more` there are; None if there is none."""
    told = [untranslated(each) if isinstance(each, str) else each for each in pieces]
    if not told:
        return None
    every = reduce(lambda before, after: tr("{before}, {after}", before=before, after=after), told)
    return tr_plural("{list} and {count} more", "{list} and {count} more", more, list=every) if more else every


def listed(ids: Iterable[int], show: Callable[[int], str], none: Translatable) -> Translatable:
    """Mentions, at most a dozen, and how many more there are."""
    every = sorted(ids)
    return joined(map(show, every[:_LISTED]), max(0, len(every) - _LISTED)) or none


def words(text: str, limit: int = 100) -> str:
    """What somebody wrote, in one line: bounded, and without any markdown of its own."""
    line = " ".join(text.split())
    return escape_markdown(cut(line, limit), ignore_links=False)


def forbidden(limits: GuildLimits, limit: int = 300) -> Translatable:
    """The forbidden words, as many as fit."""
    shown: list[str] = []
    room = limit
    for word in map(words, limits.forbidden):
        room -= length(word) + 2
        if room < 0:
            break
        shown.append(word)
    return joined(shown, len(limits.forbidden) - len(shown)) or NONE


def value(name: str, limits: GuildLimits) -> Translatable:
    """What one limit is set to, in words; `name` is its field's."""
    if name in NUMBERS:
        return number(name, getattr(limits, name))
    return _SAID[name](limits)


def change(name: str, old: GuildLimits, new: GuildLimits) -> Translatable:
    """What became of one limit, in words: "a member's tasks in 24 hours: 5 → 3"."""
    return tr("{limit}: {old} → {new}", limit=LIMIT_NAMES[name], old=value(name, old), new=value(name, new))


def changes(names: Sequence[str], old: GuildLimits, new: GuildLimits) -> Translatable:
    """The same of several limits, at least one."""
    said = [change(name, old, new) for name in names]
    return reduce(lambda before, after: tr("{before}; {after}", before=before, after=after), said)


def by_role(limits: GuildLimits) -> Translatable:
    """The roles with a daily number of their own."""
    ordered = sorted(limits.role_per_day.items(), key=lambda each: (each[1] != 0, -each[1]))
    shown = [
        tr("{role} {number}", role=role(role_id), number=number("user_per_day", most))
        for role_id, most in ordered[:_LISTED]
    ]
    return joined(shown, max(0, len(ordered) - _LISTED)) or NONE


def language(code: str | None) -> Translatable:
    """The language that moderators chose, by its own name."""
    return untranslated(native_name(code)) if code else tr("as Discord says")


def _language_text(value: int) -> Translatable:
    """A number by itself."""
    return Translatable("{number}", {"number": value})


def _pause(limits: GuildLimits) -> Translatable:
    if limits.paused is None:
        return tr("off")
    return tr("on ({reason})", reason=words(limits.paused, 300)) if limits.paused else tr("on")


def _private(limits: GuildLimits) -> Translatable:
    return tr("allowed") if limits.private_allowed else tr("not allowed")


def _open(limits: GuildLimits) -> Translatable:
    return tr("for everyone") if limits.open_everywhere else tr("for moderators and exempt roles")


def _mentioned(show: Callable[[int], str], found: int | None) -> Translatable:
    return untranslated(show(found)) if found else NONE


_SAID: dict[str, Callable[[GuildLimits], Translatable]] = {
    "role_per_day": by_role,
    "required_role": lambda limits: _mentioned(role, limits.required_role),
    "exempt_roles": lambda limits: listed(limits.exempt_roles, role, NONE),
    "channels": lambda limits: listed(limits.channels, channel, tr("all")),
    "private_allowed": _private,
    "open_everywhere": _open,
    "forbidden": forbidden,
    "paused": _pause,
    "log_channel_id": lambda limits: _mentioned(channel, limits.log_channel_id),
    "language": lambda limits: language(limits.language),
}
