"""The panel's buttons and selects, page by page. Pure; what they do is in _deeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import discord
from discord import ui

from bot.languages import Language, own_name
from bot.phrase import Phrase, say
from bot.service import Standing
from cogs._panel import Choice
from cogs._rulings import AUTOMATIC

PAGES = {
    "numbers": (say("Numbers and pause"), say("How much, how often, how long; stop and go")),
    "roles": (say("Roles"), say("Who may use it, and who has more")),
    "channels": (say("Channels and log"), say("Where it may be used, and where I report")),
    "members": (say("Members"), say("Block, reset, or grant extra runs")),
    "words": (say("Words"), say("What prompts may not contain")),
    "language": (say("Language"), say("Which one I speak to everybody here")),
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
class _Open:
    """What the controls of a page are made of."""

    standing: Standing
    choice: Choice
    language: Language
    codes: tuple[str, ...]

    def button(
        self, deed: str, label: Phrase, row: int, style: discord.ButtonStyle = _Style.secondary, about: int = 0
    ) -> Control:
        """A button; `about`: the member whom it concerns."""
        custom_id = f"limits:{deed}:{about}" if about else f"limits:{deed}"
        return ui.Button(label=self.language.tell(label), style=style, custom_id=custom_id, row=row)


def controls(standing: Standing, choice: Choice, language: Language, codes: tuple[str, ...]) -> list[Control]:
    """The page's buttons and selects, with their rows: five rows at most, so that it fits a phone.

    `codes`: the languages that a server can choose from.
    """
    opened = _Open(standing, choice, language, codes)
    return [_pages(opened), *_PAGES[choice.page](opened)]


def _pages(opened: _Open) -> Control:
    select: ui.Select[ui.View] = ui.Select(custom_id="limits:page", row=0)
    for name, (title, told) in PAGES.items():
        select.add_option(
            label=opened.language.tell(title),
            value=name,
            description=opened.language.tell(told),
            default=name == opened.choice.page,
        )
    return select


def _numbers(opened: _Open) -> list[Control]:
    paused = opened.standing.limits.paused is not None
    return [
        opened.button("member_numbers", say("Each member…"), 1, _Style.primary),
        opened.button("server_numbers", say("The server…"), 1, _Style.primary),
        opened.button("resume", say("Resume"), 2, _Style.success)
        if paused
        else opened.button("pause", say("Pause…"), 2, _Style.danger),
        opened.button("refresh", say("Refresh"), 2),
    ]


def _roles(opened: _Open) -> list[Control]:
    limits, told = opened.standing.limits, opened.language
    needed = [limits.required_role] if limits.required_role else []
    return [
        ui.RoleSelect(
            custom_id="limits:required_role",
            row=1,
            min_values=0,
            placeholder=told.say("Role that is needed"),
            default_values=_given(needed, _Kind.role),
        ),
        ui.RoleSelect(
            custom_id="limits:exempt_roles",
            row=2,
            min_values=0,
            max_values=_MOST_CHOSEN,
            placeholder=told.say("Roles that are free of the numbers"),
            default_values=_given(sorted(limits.exempt_roles), _Kind.role),
        ),
        ui.RoleSelect(custom_id="limits:role_number", row=3, placeholder=told.say("Give a role its own daily number…")),
    ]


def _channels(opened: _Open) -> list[Control]:
    limits, told = opened.standing.limits, opened.language
    log = [limits.log_channel_id] if limits.log_channel_id else []
    private = say("Forbid private replies") if limits.private_allowed else say("Allow private replies")
    age = say("Only age-restricted channels") if limits.open_everywhere else say("Other channels too")
    return [
        ui.ChannelSelect(
            custom_id="limits:channels",
            row=1,
            min_values=0,
            max_values=_MOST_CHOSEN,
            channel_types=_PLACES,
            placeholder=told.say("Channels in which it may be used (none: all)"),
            default_values=_given(sorted(limits.channels), _Kind.channel),
        ),
        ui.ChannelSelect(
            custom_id="limits:log",
            row=2,
            min_values=0,
            channel_types=_REPORTED_IN,
            placeholder=told.say("Channel for my log"),
            default_values=_given(log, _Kind.channel),
        ),
        opened.button("private", private, 3),
        opened.button("age", age, 3),
    ]


def _members(opened: _Open) -> list[Control]:
    chosen = [opened.choice.member_id] if opened.choice.member_id else []
    items: list[Control] = [
        ui.UserSelect(
            custom_id="limits:member",
            row=1,
            placeholder=opened.language.say("Choose a member…"),
            default_values=_given(chosen, _Kind.user),
        )
    ]
    for user_id in chosen:
        blocked = any(each.user_id == user_id for each in opened.standing.blocked)
        items += [
            opened.button("unblock", say("Unblock"), 2, _Style.success, user_id)
            if blocked
            else opened.button("block", say("Block"), 2, _Style.danger, user_id),
            opened.button("reset", say("Reset count"), 2, about=user_id),
            opened.button("grant", say("Grant runs…"), 2, about=user_id),
        ]
    return [*items, opened.button("reset_server", say("Reset the server's count"), 3)]


def _words(opened: _Open) -> list[Control]:
    return [opened.button("words", say("Edit the words…"), 1, _Style.primary)]


def _language(opened: _Open) -> list[Control]:
    now, told = opened.standing.limits.language, opened.language
    select: ui.Select[ui.View] = ui.Select(custom_id="limits:language", row=1)
    select.add_option(
        label=told.say("As Discord says (automatic)"),
        value=AUTOMATIC,
        description=told.say("A Community's own language; English on every other server"),
        default=now is None,
    )
    for code in opened.codes[: _MOST_CHOSEN - 1]:
        select.add_option(label=own_name(code), value=code, default=code == now)
    return [select]


def _given(ids: list[int], kind: discord.SelectDefaultValueType) -> list[discord.SelectDefaultValue]:
    """What a select shows as chosen, as many as Discord lets it."""
    return [discord.SelectDefaultValue(id=each, type=kind) for each in ids[:_MOST_CHOSEN]]


_PAGES: dict[str, Callable[[_Open], list[Control]]] = {
    "numbers": _numbers,
    "roles": _roles,
    "channels": _channels,
    "members": _members,
    "words": _words,
    "language": _language,
}
