"""The panel of /limits show: a server's standing to one embed. Pure; its buttons and selects are in _controls."""

from __future__ import annotations

from dataclasses import dataclass

import discord
from discord.utils import format_dt

from bot.languages import Language
from bot.phrase import Phrase, counted, say
from bot.rules import Limits, Roofs
from bot.service import Standing
from cogs import _rules
from cogs._cards import BLUE, YELLOW
from cogs._embeds import fit_embed

_GRANTED, _BUSY = 8, 5
"""Members that are named as having extra runs, and as the busiest."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the panel is open: a page, and on the page of members the one who was chosen."""

    page: str = "numbers"
    member_id: int | None = None


def embed(standing: Standing, choice: Choice, language: Language, note: str = "") -> discord.Embed:
    """Everything that is set and used; `note` says what was just changed."""
    limits = standing.limits
    colour = YELLOW if limits.paused is not None else BLUE
    shown = discord.Embed(title=language.say("Limits of this server"), colour=colour)
    state = language.tell(_state(limits))
    shown.description = f"{state}\n✅ {note}" if note else state
    fields = [
        (say("The server"), _server(standing)),
        (say("Each member"), _member(limits)),
        (say("Roles"), _roles(limits)),
        (say("Channels"), _channels(limits)),
        (say("Members"), _members(standing)),
        (say("Forbidden in prompts"), [_rules.forbidden(limits)]),
        (say("Language"), [_language(limits)]),
    ]
    if choice.member_id is not None:
        fields.append((say("Chosen member"), _chosen(standing, choice.member_id)))
    for name, lines in fields:
        shown.add_field(name=language.tell(name), value="\n".join(map(language.tell, lines)), inline=False)
    return fit_embed(shown)


def _state(limits: Limits) -> Phrase:
    if limits.paused is None:
        return say("Open: members can make videos longer.")
    if not limits.paused:
        return say("⏸️ **Paused**.")
    return say("⏸️ **Paused**: {reason}", reason=_rules.words(limits.paused, 300))


def _server(standing: Standing) -> list[Phrase]:
    limits, roofs = standing.limits, standing.roofs
    lines = [
        say("{used} in 24 hours", used=_rules.of(standing.used, limits.server_per_day)),
        say("{used} at FoxAPI now", used=_rules.of(standing.at_work, limits.server_running)),
    ]
    if standing.waiting:
        lines.append(say("{count} waiting in line", count=standing.waiting))
    if roofs.share < 100 or roofs.max_per_day:
        lines.append(_roof(roofs))
    return lines


def _roof(roofs: Roofs) -> Phrase:
    running, day = roofs.server_running, roofs.server_per_day
    if not day:
        return say("-# My operator gives this server at most {running} at once.", running=running)
    return say(
        "-# My operator gives this server at most {running} at once and {day} in 24 hours.", running=running, day=day
    )


def _member(limits: Limits) -> list[Phrase]:
    value = {name: _rules.number(name, getattr(limits, name)) for name in _rules.NUMBERS}
    return [
        say("**{number}** in 24 hours", number=value["user_per_day"]),
        say("**{number}** unfinished at once", number=value["user_running"]),
        say("**{time}** between two tasks", time=value["cooldown"]),
        say("**{time}** added by one task, at most", time=value["max_seconds"]),
    ]


def _roles(limits: Limits) -> list[Phrase]:
    return [
        say("Needed: {role}", role=_rules.value("required_role", limits)),
        say("Free of the numbers: {roles}", roles=_rules.value("exempt_roles", limits)),
        say("Own daily number: {roles}", roles=_rules.by_role(limits)),
    ]


def _channels(limits: Limits) -> list[Phrase]:
    return [
        say("Used in: {channels}", channels=_rules.value("channels", limits)),
        say("Outside age-restricted ones: {whether}", whether=_rules.value("open_everywhere", limits)),
        say("Private replies: {whether}", whether=_rules.value("private_allowed", limits)),
        say("Log: {channel}", channel=_rules.value("log_channel_id", limits)),
    ]


def _members(standing: Standing) -> list[Phrase]:
    blocked = _rules.listed([each.user_id for each in standing.blocked], _rules.member, say("nobody"))
    granted = [(each.user_id, each.granted) for each in standing.ruled if each.granted]
    busy = [(each.user_id, each.used) for each in standing.members if each.used]
    lines = [say("Blocked: {members}", members=blocked)]
    if runs := _each(granted[:_GRANTED]):
        lines.append(say("Extra runs: {members}", members=runs))
    if used := _each(busy[:_BUSY]):
        lines.append(say("Most in 24 hours: {members}", members=used))
    return lines


def _each(numbers: list[tuple[int, int]]) -> Phrase | None:
    """Members with a number each."""
    return _rules.joined(
        say("{member} {number}", member=_rules.member(user_id), number=number) for user_id, number in numbers
    )


def _language(limits: Limits) -> Phrase:
    return say("In public and in the log: {language}", language=_rules.value("language", limits))


def _chosen(standing: Standing, user_id: int) -> list[Phrase]:
    use = next((each for each in standing.members if each.user_id == user_id), None)
    ruled = next((each for each in standing.ruled if each.user_id == user_id), None)
    said = [
        say(
            "{member}: {used} in 24 hours, {unfinished} unfinished",
            member=_rules.member(user_id),
            used=use.used if use else 0,
            unfinished=use.unfinished if use else 0,
        )
    ]
    if ruled and ruled.granted:
        said.append(counted("{count} extra run left", "{count} extra runs left", ruled.granted))
    if ruled and ruled.blocked_at:
        when = format_dt(ruled.blocked_at, "R")
        if ruled.blocked_by:
            said.append(say("blocked {when} by {moderator}", when=when, moderator=_rules.member(ruled.blocked_by)))
        else:
            said.append(say("blocked {when}", when=when))
    return said
