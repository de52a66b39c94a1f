"""Formats a server's limits as text for the panel, the log channel and command responses. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from discord.utils import format_dt

from bot.domain.limits import GuildLimits
from bot.i18n import get_native_name
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
"""Fields with numeric values; 0 means no limit."""


def format_usage(used: int, limit: int) -> Translatable:
    """Format how much of a limit is used: a small bar and both numbers. The bar is full only when nothing is left."""
    if not limit:
        return tr("**{used}** · no limit", used=used)
    full = _BAR if used >= limit else min(_BAR - 1, -(-used * _BAR // limit))
    bar = "▰" * full + "▱" * (_BAR - full)
    return tr("{bar} **{used}** of {limit}", bar=bar, used=used, limit=limit)


def format_number(name: str, value: int) -> Translatable:
    """Format the value of a numeric limit."""
    if name == "cooldown":
        return format_duration(value) if value else tr("no wait")
    if not value:
        return NO_LIMIT
    return format_seconds(value) if name == "max_seconds" else _format_integer(value)


def format_forbidden(limits: GuildLimits, limit: int = 300) -> Translatable:
    """List the forbidden words, in about `limit` characters; the rest are counted."""
    shown: list[str] = []
    left = limit
    for word in map(escape_line, limits.forbidden):
        left -= count_utf16(word) + 2
        if left < 0:
            break
        shown.append(word)
    return join_list(shown, len(limits.forbidden) - len(shown)) or NONE


def format_value(name: str, limits: GuildLimits) -> Translatable:
    """Format the value of the limit with this field name."""
    if name in NUMBERS:
        return format_number(name, getattr(limits, name))
    return _FORMATTERS[name](limits)


def describe_change(name: str, old: GuildLimits, new: GuildLimits) -> Translatable:
    """Describe a change of one limit, as in "a member's tasks in 24 hours: 5 → 3"."""
    return tr(
        "{limit}: {old} → {new}", limit=LIMIT_NAMES[name], old=format_value(name, old), new=format_value(name, new)
    )


def describe_changes(names: Sequence[str], old: GuildLimits, new: GuildLimits) -> Translatable:
    """Describe the changes of several limits, at least one."""
    texts = [describe_change(name, old, new) for name in names]
    return reduce(lambda before, after: tr("{before}; {after}", before=before, after=after), texts)


def format_role_limits(limits: GuildLimits) -> Translatable:
    """List the roles that have their own daily limit."""
    ordered = sorted(limits.role_per_day.items(), key=lambda each: (each[1] != 0, -each[1]))
    shown = [
        tr("{role} {number}", role=mention_role(role_id), number=format_number("user_per_day", limit))
        for role_id, limit in ordered[:MENTIONS_MAX]
    ]
    return join_list(shown, max(0, len(ordered) - MENTIONS_MAX)) or NONE


def format_language(code: str | None) -> Translatable:
    """Format the chosen language by its native name; None means that the server follows Discord."""
    return untranslated(get_native_name(code)) if code else tr("follows Discord")


def _format_integer(value: int) -> Translatable:
    """Format a number, so that each language can write it in its own way."""
    return Translatable("{number}", {"number": value})


def _format_pause(limits: GuildLimits) -> Translatable:
    if limits.paused is None:
        return tr("off")
    return tr("on ({reason})", reason=escape_line(limits.paused, 300)) if limits.paused else tr("on")


def _format_pause_end(limits: GuildLimits) -> Translatable:
    return untranslated(format_dt(limits.paused_until, "f")) if limits.paused_until else NONE


def _format_private_allowed(limits: GuildLimits) -> Translatable:
    return tr("allowed") if limits.private_allowed else tr("not allowed")


def _format_open_everywhere(limits: GuildLimits) -> Translatable:
    return tr("for everyone") if limits.open_everywhere else tr("for moderators and exempt roles")


def _format_mention(show: Callable[[int], str], found: int | None) -> Translatable:
    return untranslated(show(found)) if found else NONE


_FORMATTERS: dict[str, Callable[[GuildLimits], Translatable]] = {
    "role_per_day": format_role_limits,
    "required_role": lambda limits: _format_mention(mention_role, limits.required_role),
    "exempt_roles": lambda limits: list_mentions(limits.exempt_roles, mention_role, NONE),
    "channels": lambda limits: list_mentions(limits.channels, mention_channel, tr("all")),
    "private_allowed": _format_private_allowed,
    "open_everywhere": _format_open_everywhere,
    "forbidden": format_forbidden,
    "paused": _format_pause,
    "paused_until": _format_pause_end,
    "log_channel_id": lambda limits: _format_mention(mention_channel, limits.log_channel_id),
    "language": lambda limits: format_language(limits.language),
}
