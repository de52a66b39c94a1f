"""A server's rules in words: for the panel, for the log channel, and for answers to commands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from bot.domain.limits import GuildLimits
from bot.i18n import native_name
from bot.i18n.text import Translatable, tr, untranslated
from bot.services import LIMIT_NAMES
from cogs.common.embeds import count_utf16
from cogs.common.formatting import (
    MENTIONS_MAX,
    escape_line,
    format_duration,
    format_seconds,
    join_list,
    list_mentions,
    mention_channel,
    mention_role,
)

_BAR = 8

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
        return format_duration(value) if value else tr("no wait")
    if not value:
        return NO_LIMIT
    return format_seconds(value) if name == "max_seconds" else _language_text(value)


def forbidden(limits: GuildLimits, limit: int = 300) -> Translatable:
    """The forbidden words, as many as fit."""
    shown: list[str] = []
    room = limit
    for word in map(escape_line, limits.forbidden):
        room -= count_utf16(word) + 2
        if room < 0:
            break
        shown.append(word)
    return join_list(shown, len(limits.forbidden) - len(shown)) or NONE


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
        tr("{role} {number}", role=mention_role(role_id), number=number("user_per_day", most))
        for role_id, most in ordered[:MENTIONS_MAX]
    ]
    return join_list(shown, max(0, len(ordered) - MENTIONS_MAX)) or NONE


def language(code: str | None) -> Translatable:
    """The language that moderators chose, by its own name."""
    return untranslated(native_name(code)) if code else tr("as Discord says")


def _language_text(value: int) -> Translatable:
    """A number by itself."""
    return Translatable("{number}", {"number": value})


def _pause(limits: GuildLimits) -> Translatable:
    if limits.paused is None:
        return tr("off")
    return tr("on ({reason})", reason=escape_line(limits.paused, 300)) if limits.paused else tr("on")


def _private(limits: GuildLimits) -> Translatable:
    return tr("allowed") if limits.private_allowed else tr("not allowed")


def _open(limits: GuildLimits) -> Translatable:
    return tr("for everyone") if limits.open_everywhere else tr("for moderators and exempt roles")


def _mentioned(show: Callable[[int], str], found: int | None) -> Translatable:
    return untranslated(show(found)) if found else NONE


_SAID: dict[str, Callable[[GuildLimits], Translatable]] = {
    "role_per_day": by_role,
    "required_role": lambda limits: _mentioned(mention_role, limits.required_role),
    "exempt_roles": lambda limits: list_mentions(limits.exempt_roles, mention_role, NONE),
    "channels": lambda limits: list_mentions(limits.channels, mention_channel, tr("all")),
    "private_allowed": _private,
    "open_everywhere": _open,
    "forbidden": forbidden,
    "paused": _pause,
    "log_channel_id": lambda limits: _mentioned(mention_channel, limits.log_channel_id),
    "language": lambda limits: language(limits.language),
}
