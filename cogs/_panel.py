"""The panel of /limits show: a server's standing to one embed, and to the controls of one of its pages. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import discord
from discord import ui
from discord.utils import format_dt

from bot.rules import Limits
from bot.service import Standing
from cogs import _rules
from cogs._cards import BLUE, YELLOW

PAGES = {
    "numbers": ("Numbers and pause", "How much, how often, how long; stop and go"),
    "roles": ("Roles", "Who may use it, and who has more"),
    "channels": ("Channels and log", "Where it may be used, and where I report"),
    "members": ("Members", "Block, reset, or grant extra runs"),
    "words": ("Words", "What prompts may not contain"),
}
"""Name, title and help of each page of controls."""

_PLACES = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.forum,
    discord.ChannelType.media,
]
"""Where commands can be typed; threads count as their parent, so they are not offered."""
_REPORTED_IN = [discord.ChannelType.text, discord.ChannelType.news]
_MOST_CHOSEN = 25
"""Discord docs, Component Reference, selects: at most 25 values."""

_Kind = discord.SelectDefaultValueType

Control = (
    ui.Button[ui.View]
    | ui.Select[ui.View]
    | ui.RoleSelect[ui.View]
    | ui.UserSelect[ui.View]
    | ui.ChannelSelect[ui.View]
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the panel is open: a page, and on the page of members the one who was chosen."""

    page: str = "numbers"
    member_id: int | None = None


def embed(standing: Standing, choice: Choice, note: str = "") -> discord.Embed:
    """Everything that is set and used; `note` says what was just changed."""
    limits = standing.limits
    paused = limits.paused is not None
    shown = discord.Embed(title="Limits of this server", colour=YELLOW if paused else BLUE)
    shown.description = "\n".join(filter(None, (_state(limits), note and f"✅ {note}")))
    shown.add_field(name="The server", value=_server(standing), inline=False)
    shown.add_field(name="Each member", value=_member(limits), inline=False)
    shown.add_field(name="Roles", value=_roles(limits), inline=False)
    shown.add_field(name="Channels", value=_channels(limits), inline=False)
    shown.add_field(name="Members", value=_members(standing), inline=False)
    shown.add_field(name="Forbidden in prompts", value=_rules.forbidden(limits), inline=False)
    if choice.member_id is not None:
        shown.add_field(name="Chosen member", value=_chosen(standing, choice.member_id), inline=False)
    return shown


def controls(standing: Standing, choice: Choice) -> list[Control]:
    """The page's buttons and selects, with their rows: five rows at most, so that it fits a phone."""
    return [_page_select(choice), *_CONTROLS[choice.page](standing, choice)]


def _state(limits: Limits) -> str:
    if limits.paused is None:
        return "Open: members can make videos longer."
    reason = f": {_rules.words(limits.paused, 300)}" if limits.paused else "."
    return f"⏸️ **Paused**{reason}"


def _server(standing: Standing) -> str:
    limits, roofs = standing.limits, standing.roofs
    lines = [
        f"{_rules.of(standing.used, limits.server_per_day)} in 24 hours",
        f"{_rules.of(standing.at_work, limits.server_running)} at FoxAPI now",
    ]
    if standing.waiting:
        lines.append(f"{standing.waiting:,} waiting in line")
    if roofs.share < 100 or roofs.max_per_day:
        day = f" and {roofs.server_per_day:,} in 24 hours" if roofs.server_per_day else ""
        lines.append(f"-# My operator gives this server at most {roofs.server_running:,} at once{day}.")
    return "\n".join(lines)


def _member(limits: Limits) -> str:
    said = {
        "in 24 hours": _rules.number("user_per_day", limits.user_per_day),
        "unfinished at once": _rules.number("user_running", limits.user_running),
        "between two tasks": _rules.number("cooldown", limits.cooldown),
        "added by one task, at most": _rules.number("max_seconds", limits.max_seconds),
    }
    return "\n".join(f"**{value}** {what}" for what, value in said.items())


def _roles(limits: Limits) -> str:
    return (
        f"Needed: {_rules.value('required_role', limits)}\n"
        f"Free of the numbers: {_rules.value('exempt_roles', limits)}\n"
        f"Own daily number: {_rules.by_role(limits)}"
    )


def _channels(limits: Limits) -> str:
    return (
        f"Used in: {_rules.value('channels', limits)}\n"
        f"Outside age-restricted ones: {_rules.value('open_everywhere', limits)}\n"
        f"Private replies: {_rules.value('private_allowed', limits)}\n"
        f"Log: {_rules.value('log_channel_id', limits)}"
    )


def _members(standing: Standing) -> str:
    blocked = _rules.listed([each.user_id for each in standing.blocked], _rules.member, "nobody")
    granted = [f"{_rules.member(each.user_id)} {each.granted}" for each in standing.ruled if each.granted]
    busy = [f"{_rules.member(each.user_id)} {each.used}" for each in standing.members if each.used]
    lines = [f"Blocked: {blocked}"]
    if granted:
        lines.append(f"Extra runs: {', '.join(granted[:8])}")
    if busy:
        lines.append(f"Most in 24 hours: {', '.join(busy[:5])}")
    return "\n".join(lines)


def _chosen(standing: Standing, user_id: int) -> str:
    use = next((each for each in standing.members if each.user_id == user_id), None)
    ruled = next((each for each in standing.ruled if each.user_id == user_id), None)
    said = [
        f"{_rules.member(user_id)}: {use.used if use else 0} in 24 hours, {use.unfinished if use else 0} unfinished"
    ]
    if ruled and ruled.granted:
        said.append(f"{ruled.granted} extra runs left")
    if ruled and ruled.blocked_at:
        by = f" by {_rules.member(ruled.blocked_by)}" if ruled.blocked_by else ""
        said.append(f"blocked {format_dt(ruled.blocked_at, 'R')}{by}")
    return ", ".join(said)


def _page_select(choice: Choice) -> Control:
    select: ui.Select[ui.View] = ui.Select(custom_id="limits:page", row=0)
    for name, (title, told) in PAGES.items():
        select.add_option(label=title, value=name, description=told, default=name == choice.page)
    return select


def _button(
    deed: str,
    label: str,
    row: int,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    about: int | None = None,
) -> Control:
    tail = "" if about is None else f":{about}"
    return ui.Button(label=label, style=style, custom_id=f"limits:{deed}{tail}", row=row)


def _numbers(standing: Standing, _: Choice) -> list[Control]:
    paused = standing.limits.paused is not None
    return [
        _button("member_numbers", "Each member…", 1, discord.ButtonStyle.primary),
        _button("server_numbers", "The server…", 1, discord.ButtonStyle.primary),
        _button("resume", "Resume", 2, discord.ButtonStyle.success)
        if paused
        else _button("pause", "Pause…", 2, discord.ButtonStyle.danger),
        _button("refresh", "Refresh", 2),
    ]


def _role_page(standing: Standing, _: Choice) -> list[Control]:
    limits = standing.limits
    needed = [limits.required_role] if limits.required_role else []
    return [
        ui.RoleSelect(
            custom_id="limits:required_role",
            row=1,
            min_values=0,
            placeholder="Role that is needed",
            default_values=_given(needed, _Kind.role),
        ),
        ui.RoleSelect(
            custom_id="limits:exempt_roles",
            row=2,
            min_values=0,
            max_values=_MOST_CHOSEN,
            placeholder="Roles that are free of the numbers",
            default_values=_given(sorted(limits.exempt_roles), _Kind.role),
        ),
        ui.RoleSelect(custom_id="limits:role_number", row=3, placeholder="Give a role its own daily number…"),
    ]


def _channel_page(standing: Standing, _: Choice) -> list[Control]:
    limits = standing.limits
    log = [limits.log_channel_id] if limits.log_channel_id else []
    private = "Forbid private replies" if limits.private_allowed else "Allow private replies"
    age = "Only age-restricted channels" if limits.open_everywhere else "Other channels too"
    return [
        ui.ChannelSelect(
            custom_id="limits:channels",
            row=1,
            min_values=0,
            max_values=_MOST_CHOSEN,
            channel_types=_PLACES,
            placeholder="Channels in which it may be used (none: all)",
            default_values=_given(sorted(limits.channels), _Kind.channel),
        ),
        ui.ChannelSelect(
            custom_id="limits:log",
            row=2,
            min_values=0,
            channel_types=_REPORTED_IN,
            placeholder="Channel for my log",
            default_values=_given(log, _Kind.channel),
        ),
        _button("private", private, 3),
        _button("age", age, 3),
    ]


def _member_page(standing: Standing, choice: Choice) -> list[Control]:
    chosen = [choice.member_id] if choice.member_id else []
    items: list[Control] = [
        ui.UserSelect(
            custom_id="limits:member",
            row=1,
            placeholder="Choose a member…",
            default_values=_given(chosen, _Kind.user),
        )
    ]
    for user_id in chosen:
        blocked = any(each.user_id == user_id for each in standing.blocked)
        items += [
            _button("unblock", "Unblock", 2, discord.ButtonStyle.success, user_id)
            if blocked
            else _button("block", "Block", 2, discord.ButtonStyle.danger, user_id),
            _button("reset", "Reset count", 2, about=user_id),
            _button("grant", "Grant runs…", 2, about=user_id),
        ]
    return [*items, _button("reset_server", "Reset the server's count", 3)]


def _word_page(_: Standing, __: Choice) -> list[Control]:
    return [_button("words", "Edit the words…", 1, discord.ButtonStyle.primary)]


def _given(ids: list[int], kind: discord.SelectDefaultValueType) -> list[discord.SelectDefaultValue]:
    """What a select shows as chosen, as many as Discord lets it."""
    return [discord.SelectDefaultValue(id=each, type=kind) for each in ids[:_MOST_CHOSEN]]


_CONTROLS = {
    "numbers": _numbers,
    "roles": _role_page,
    "channels": _channel_page,
    "members": _member_page,
    "words": _word_page,
}
