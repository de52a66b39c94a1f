"""Builds the buttons and selects of each page of the panel. Pure; their callbacks are in callbacks.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import discord
from discord import ui

from bot.i18n import Language, get_native_name
from bot.i18n.text import Translatable, tr
from bot.services import LimitsStatus
from cogs.limits.actions import AUTOMATIC
from cogs.limits.embed import PanelSelection

PAGES = {
    "numbers": (tr("Numbers and pause"), tr("Tasks, seconds and cooldown; pause and resume")),
    "roles": (tr("Roles"), tr("Required and exempt roles, and daily limits of roles")),
    "channels": (tr("Channels and log"), tr("Where members may use me, and where I write my log")),
    "members": (tr("Members"), tr("Block a member, reset a count, or grant extra runs")),
    "words": (tr("Words"), tr("Words that prompts may not contain")),
    "language": (tr("Language"), tr("The language of my public messages here")),
}
"""Name of each page: its title and description."""

_COMMAND_CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.forum,
    discord.ChannelType.media,
]
"""Channel types where commands can be used. Threads count as their parent channel, so they are not offered."""
_LOG_CHANNELS = [discord.ChannelType.text, discord.ChannelType.news]
_MAX_SELECTED = 25
"""Values a select may hold (Discord docs, Component Reference)."""

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
    """Everything the controls of a page are built from."""

    status: LimitsStatus
    selection: PanelSelection
    language: Language
    codes: tuple[str, ...]

    def button(
        self,
        action: str,
        label: Translatable,
        row: int,
        style: discord.ButtonStyle = _Style.secondary,
        member_id: int = 0,
    ) -> Control:
        """Make a button; `member_id` is the member it acts on, 0 for none."""
        custom_id = f"limits:{action}:{member_id}" if member_id else f"limits:{action}"
        return ui.Button(label=self.language.translate(label), style=style, custom_id=custom_id, row=row)


def build_controls(
    status: LimitsStatus, selection: PanelSelection, language: Language, codes: tuple[str, ...]
) -> list[Control]:
    """Build the page's buttons and selects, in at most five rows, so that the panel fits a phone.

    `codes` are the languages a server can choose from.
    """
    panel = _PanelState(status, selection, language, codes)
    return [_build_page_select(panel), *_BUILDERS[selection.page](panel)]


def _build_page_select(panel: _PanelState) -> Control:
    select: ui.Select[ui.View] = ui.Select(custom_id="limits:page", row=0)
    for name, (title, hint) in PAGES.items():
        select.add_option(
            label=panel.language.translate(title),
            value=name,
            description=panel.language.translate(hint),
            default=name == panel.selection.page,
        )
    return select


def _build_numbers_page(panel: _PanelState) -> list[Control]:
    pause = [
        panel.button("pause_one_hour", tr("Pause for 1 h…"), 2, _Style.danger),
        panel.button("pause_eight_hours", tr("For 8 h…"), 2, _Style.danger),
        panel.button("pause", tr("Until I resume…"), 2, _Style.danger),
    ]
    return [
        panel.button("member_numbers", tr("Each member…"), 1, _Style.primary),
        panel.button("server_numbers", tr("The server…"), 1, _Style.primary),
        *([panel.button("resume", tr("Resume"), 2, _Style.success)] if panel.status.is_paused else pause),
        panel.button("refresh", tr("Refresh"), 2),
    ]


def _build_roles_page(panel: _PanelState) -> list[Control]:
    limits, language = panel.status.limits, panel.language
    needed = [limits.required_role] if limits.required_role else []
    return [
        ui.RoleSelect(
            custom_id="limits:required_role",
            row=1,
            min_values=0,
            placeholder=language.tr("Required role"),
            default_values=_make_defaults(needed, _Kind.role),
        ),
        ui.RoleSelect(
            custom_id="limits:exempt_roles",
            row=2,
            min_values=0,
            max_values=_MAX_SELECTED,
            placeholder=language.tr("Roles exempt from the numeric limits"),
            default_values=_make_defaults(sorted(limits.exempt_roles), _Kind.role),
        ),
        ui.RoleSelect(
            custom_id="limits:role_number", row=3, placeholder=language.tr("Give a role its own daily limit…")
        ),
    ]


def _build_channels_page(panel: _PanelState) -> list[Control]:
    limits, language = panel.status.limits, panel.language
    log = [limits.log_channel_id] if limits.log_channel_id else []
    private = tr("Forbid private replies") if limits.private_allowed else tr("Allow private replies")
    age = tr("Only age-restricted channels") if limits.open_everywhere else tr("Other channels too")
    return [
        ui.ChannelSelect(
            custom_id="limits:channels",
            row=1,
            min_values=0,
            max_values=_MAX_SELECTED,
            channel_types=_COMMAND_CHANNELS,
            placeholder=language.tr("Channels where members may use me (none: all)"),
            default_values=_make_defaults(sorted(limits.channels), _Kind.channel),
        ),
        ui.ChannelSelect(
            custom_id="limits:log",
            row=2,
            min_values=0,
            channel_types=_LOG_CHANNELS,
            placeholder=language.tr("Channel for my log"),
            default_values=_make_defaults(log, _Kind.channel),
        ),
        panel.button("private", private, 3),
        panel.button("age", age, 3),
    ]


def _build_members_page(panel: _PanelState) -> list[Control]:
    chosen = [panel.selection.member_id] if panel.selection.member_id else []
    items: list[Control] = [
        ui.UserSelect(
            custom_id="limits:member",
            row=1,
            placeholder=panel.language.tr("Choose a member…"),
            default_values=_make_defaults(chosen, _Kind.user),
        )
    ]
    for user_id in chosen:
        blocked = any(each.user_id == user_id for each in panel.status.blocked)
        items += [
            panel.button("unblock", tr("Unblock"), 2, _Style.success, user_id)
            if blocked
            else panel.button("block", tr("Block"), 2, _Style.danger, user_id),
            panel.button("reset", tr("Reset count"), 2, member_id=user_id),
            panel.button("grant", tr("Grant runs…"), 2, member_id=user_id),
        ]
    return [*items, panel.button("reset_server", tr("Reset the server's count"), 3)]


def _build_words_page(panel: _PanelState) -> list[Control]:
    return [panel.button("words", tr("Edit the words…"), 1, _Style.primary)]


def _build_language_page(panel: _PanelState) -> list[Control]:
    current, language = panel.status.limits.language, panel.language
    select: ui.Select[ui.View] = ui.Select(custom_id="limits:language", row=1)
    select.add_option(
        label=language.tr("Follow Discord (automatic)"),
        value=AUTOMATIC,
        description=language.tr("A Community server's own language; English on other servers"),
        default=current is None,
    )
    for code in panel.codes[: _MAX_SELECTED - 1]:
        select.add_option(label=get_native_name(code), value=code, default=code == current)
    return [select]


def _make_defaults(ids: list[int], kind: discord.SelectDefaultValueType) -> list[discord.SelectDefaultValue]:
    """Make a select's default values, as many as Discord allows."""
    return [discord.SelectDefaultValue(id=each, type=kind) for each in ids[:_MAX_SELECTED]]


_BUILDERS: dict[str, Callable[[_PanelState], list[Control]]] = {
    "numbers": _build_numbers_page,
    "roles": _build_roles_page,
    "channels": _build_channels_page,
    "members": _build_members_page,
    "words": _build_words_page,
    "language": _build_language_page,
}
