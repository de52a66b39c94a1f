"""The panel's buttons and selects, page by page. Pure; what they do is in _deeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import discord
from discord import ui

from bot.i18n import Language, native_name
from bot.i18n.text import Translatable, tr
from bot.services import LimitsStatus
from cogs.limits.actions import AUTOMATIC
from cogs.limits.embed import PanelSelection

PAGES = {
    "numbers": (tr("Numbers and pause"), tr("How much, how often, how long; stop and go")),
    "roles": (tr("Roles"), tr("Who may use it, and who has more")),
    "channels": (tr("Channels and log"), tr("Where it may be used, and where I report")),
    "members": (tr("Members"), tr("Block, reset, or grant extra runs")),
    "words": (tr("Words"), tr("What prompts may not contain")),
    "language": (tr("Language"), tr("Which one I speak to everybody here")),
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
_Style = discord.ButtonStyle

Control = (
    ui.Button[ui.View]
    | ui.Select[ui.View]
    | ui.RoleSelect[ui.View]
    | ui.UserSelect[ui.View]
    | ui.ChannelSelect[ui.View]
)


@dataclass(frozen=True, slots=True)
class _PanelState:
    """What the controls of a page are made of."""

    standing: LimitsStatus
    choice: PanelSelection
    language: Language
    codes: tuple[str, ...]

    def button(
        self, action: str, label: Translatable, row: int, style: discord.ButtonStyle = _Style.secondary, about: int = 0
    ) -> Control:
        """A button; `about`: the member whom it concerns."""
        custom_id = f"limits:{action}:{about}" if about else f"limits:{action}"
        return ui.Button(label=self.language.translate(label), style=style, custom_id=custom_id, row=row)


def controls(
    standing: LimitsStatus, choice: PanelSelection, language: Language, codes: tuple[str, ...]
) -> list[Control]:
    """The page's buttons and selects, with their rows: five rows at most, so that it fits a phone.

    `codes`: the languages that a server can choose from.
    """
    opened = _PanelState(standing, choice, language, codes)
    return [_pages(opened), *_PAGES[choice.page](opened)]


def _pages(opened: _PanelState) -> Control:
    select: ui.Select[ui.View] = ui.Select(custom_id="limits:page", row=0)
    for name, (title, told) in PAGES.items():
        select.add_option(
            label=opened.language.translate(title),
            value=name,
            description=opened.language.translate(told),
            default=name == opened.choice.page,
        )
    return select


def _numbers(opened: _PanelState) -> list[Control]:
    paused = opened.standing.limits.paused is not None
    return [
        opened.button("member_numbers", tr("Each member…"), 1, _Style.primary),
        opened.button("server_numbers", tr("The server…"), 1, _Style.primary),
        opened.button("resume", tr("Resume"), 2, _Style.success)
        if paused
        else opened.button("pause", tr("Pause…"), 2, _Style.danger),
        opened.button("refresh", tr("Refresh"), 2),
    ]


def _roles(opened: _PanelState) -> list[Control]:
    limits, told = opened.standing.limits, opened.language
    needed = [limits.required_role] if limits.required_role else []
    return [
        ui.RoleSelect(
            custom_id="limits:required_role",
            row=1,
            min_values=0,
            placeholder=told.tr("Role that is needed"),
            default_values=_given(needed, _Kind.role),
        ),
        ui.RoleSelect(
            custom_id="limits:exempt_roles",
            row=2,
            min_values=0,
            max_values=_MOST_CHOSEN,
            placeholder=told.tr("Roles that are free of the numbers"),
            default_values=_given(sorted(limits.exempt_roles), _Kind.role),
        ),
        ui.RoleSelect(custom_id="limits:role_number", row=3, placeholder=told.tr("Give a role its own daily number…")),
    ]


def _channels(opened: _PanelState) -> list[Control]:
    limits, told = opened.standing.limits, opened.language
    log = [limits.log_channel_id] if limits.log_channel_id else []
    private = tr("Forbid private replies") if limits.private_allowed else tr("Allow private replies")
    age = tr("Only age-restricted channels") if limits.open_everywhere else tr("Other channels too")
    return [
        ui.ChannelSelect(
            custom_id="limits:channels",
            row=1,
            min_values=0,
            max_values=_MOST_CHOSEN,
            channel_types=_PLACES,
            placeholder=told.tr("Channels in which it may be used (none: all)"),
            default_values=_given(sorted(limits.channels), _Kind.channel),
        ),
        ui.ChannelSelect(
            custom_id="limits:log",
            row=2,
            min_values=0,
            channel_types=_REPORTED_IN,
            placeholder=told.tr("Channel for my log"),
            default_values=_given(log, _Kind.channel),
        ),
        opened.button("private", private, 3),
        opened.button("age", age, 3),
    ]


def _members(opened: _PanelState) -> list[Control]:
    chosen = [opened.choice.member_id] if opened.choice.member_id else []
    items: list[Control] = [
        ui.UserSelect(
            custom_id="limits:member",
            row=1,
            placeholder=opened.language.tr("Choose a member…"),
            default_values=_given(chosen, _Kind.user),
        )
    ]
    for user_id in chosen:
        blocked = any(each.user_id == user_id for each in opened.standing.blocked)
        items += [
            opened.button("unblock", tr("Unblock"), 2, _Style.success, user_id)
            if blocked
            else opened.button("block", tr("Block"), 2, _Style.danger, user_id),
            opened.button("reset", tr("Reset count"), 2, about=user_id),
            opened.button("grant", tr("Grant runs…"), 2, about=user_id),
        ]
    return [*items, opened.button("reset_server", tr("Reset the server's count"), 3)]


def _words(opened: _PanelState) -> list[Control]:
    return [opened.button("words", tr("Edit the words…"), 1, _Style.primary)]


def _language(opened: _PanelState) -> list[Control]:
    now, told = opened.standing.limits.language, opened.language
    select: ui.Select[ui.View] = ui.Select(custom_id="limits:language", row=1)
    select.add_option(
        label=told.tr("As Discord says (automatic)"),
        value=AUTOMATIC,
        description=told.tr("A Community's own language; English on every other server"),
        default=now is None,
    )
    for code in opened.codes[: _MOST_CHOSEN - 1]:
        select.add_option(label=native_name(code), value=code, default=code == now)
    return [select]


def _given(ids: list[int], kind: discord.SelectDefaultValueType) -> list[discord.SelectDefaultValue]:
    """What a select shows as chosen, as many as Discord lets it."""
    return [discord.SelectDefaultValue(id=each, type=kind) for each in ids[:_MOST_CHOSEN]]


_PAGES: dict[str, Callable[[_PanelState], list[Control]]] = {
    "numbers": _numbers,
    "roles": _roles,
    "channels": _channels,
    "members": _members,
    "words": _words,
    "language": _language,
}
