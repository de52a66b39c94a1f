"""The panel of /limits show: a server's standing to one embed. Pure; its buttons and selects are in _controls."""

from __future__ import annotations

from dataclasses import dataclass

import discord
from discord.utils import format_dt

from bot.domain.limits import GuildLimits, OperatorLimits
from bot.i18n import Language
from bot.i18n.text import Translatable, tr, tr_plural
from bot.services import LimitsStatus
from cogs.common import formatting
from cogs.common.embeds import fit_embed
from cogs.common.formatting import BLUE, YELLOW
from cogs.limits import text

_GRANTED, _BUSY = 8, 5
"""Members that are named as having extra runs, and as the busiest."""


@dataclass(frozen=True, slots=True)
class PanelSelection:
    """What of the panel is open: a page, and on the page of members the one who was chosen."""

    page: str = "numbers"
    member_id: int | None = None


def embed(standing: LimitsStatus, choice: PanelSelection, language: Language, note: str = "") -> discord.Embed:
    """Everything that is set and used; `note` says what was just changed."""
    limits = standing.limits
    colour = YELLOW if limits.paused is not None else BLUE
    shown = discord.Embed(title=language.tr("Limits of this server"), colour=colour)
    state = language.translate(_state(limits))
    shown.description = f"{state}\n✅ {note}" if note else state
    fields = [
        (tr("The server"), _server(standing)),
        (tr("Each member"), _member(limits)),
        (tr("Roles"), _roles(limits)),
        (tr("Channels"), _channels(limits)),
        (tr("Members"), _members(standing)),
        (tr("Forbidden in prompts"), [text.forbidden(limits)]),
        (tr("Language"), [_language(limits)]),
    ]
    if choice.member_id is not None:
        fields.append((tr("Chosen member"), _chosen(standing, choice.member_id)))
    for name, lines in fields:
        shown.add_field(name=language.translate(name), value="\n".join(map(language.translate, lines)), inline=False)
    return fit_embed(shown)


def _state(limits: GuildLimits) -> Translatable:
    if limits.paused is None:
        return tr("Open: members can make videos longer.")
    if not limits.paused:
        return tr("⏸️ **Paused**.")
    return tr("⏸️ **Paused**: {reason}", reason=formatting.escape_line(limits.paused, 300))


def _server(standing: LimitsStatus) -> list[Translatable]:
    limits, operator_limits = standing.limits, standing.operator_limits
    lines = [
        tr("{used} in 24 hours", used=text.usage_bar(standing.used, limits.server_per_day)),
        tr("{used} at FoxAPI now", used=text.usage_bar(standing.running, limits.server_running)),
    ]
    if standing.waiting:
        lines.append(tr("{count} waiting in line", count=standing.waiting))
    if operator_limits.guild_share_percent < 100 or operator_limits.max_per_day:
        lines.append(_operator_limit(operator_limits))
    return lines


def _operator_limit(operator_limits: OperatorLimits) -> Translatable:
    running, day = operator_limits.server_running, operator_limits.server_per_day
    if not day:
        return tr("-# My operator gives this server at most {running} at once.", running=running)
    return tr(
        "-# My operator gives this server at most {running} at once and {day} in 24 hours.", running=running, day=day
    )


def _member(limits: GuildLimits) -> list[Translatable]:
    value = {name: text.number(name, getattr(limits, name)) for name in text.NUMBERS}
    return [
        tr("**{number}** in 24 hours", number=value["user_per_day"]),
        tr("**{number}** unfinished at once", number=value["user_running"]),
        tr("**{time}** between two tasks", time=value["cooldown"]),
        tr("**{time}** added by one task, at most", time=value["max_seconds"]),
    ]


def _roles(limits: GuildLimits) -> list[Translatable]:
    return [
        tr("Needed: {role}", role=text.value("required_role", limits)),
        tr("Free of the numbers: {roles}", roles=text.value("exempt_roles", limits)),
        tr("Own daily number: {roles}", roles=text.by_role(limits)),
    ]


def _channels(limits: GuildLimits) -> list[Translatable]:
    return [
        tr("Used in: {channels}", channels=text.value("channels", limits)),
        tr("Outside age-restricted ones: {whether}", whether=text.value("open_everywhere", limits)),
        tr("Private replies: {whether}", whether=text.value("private_allowed", limits)),
        tr("Log: {channel}", channel=text.value("log_channel_id", limits)),
    ]


def _members(standing: LimitsStatus) -> list[Translatable]:
    blocked = formatting.list_mentions(
        [each.user_id for each in standing.blocked], formatting.mention_member, tr("nobody")
    )
    granted = [(each.user_id, each.granted) for each in standing.moderated_members if each.granted]
    busy = [(each.user_id, each.used) for each in standing.members if each.used]
    lines = [tr("Blocked: {members}", members=blocked)]
    if runs := _each(granted[:_GRANTED]):
        lines.append(tr("Extra runs: {members}", members=runs))
    if used := _each(busy[:_BUSY]):
        lines.append(tr("Most in 24 hours: {members}", members=used))
    return lines


def _each(numbers: list[tuple[int, int]]) -> Translatable | None:
    """Members with a number each."""
    return formatting.join_list(
        tr("{member} {number}", member=formatting.mention_member(user_id), number=number) for user_id, number in numbers
    )


def _language(limits: GuildLimits) -> Translatable:
    return tr("In public and in the log: {language}", language=text.value("language", limits))


def _chosen(standing: LimitsStatus, user_id: int) -> list[Translatable]:
    use = next((each for each in standing.members if each.user_id == user_id), None)
    ruled = next((each for each in standing.moderated_members if each.user_id == user_id), None)
    said = [
        tr(
            "{member}: {used} in 24 hours, {unfinished} unfinished",
            member=formatting.mention_member(user_id),
            used=use.used if use else 0,
            unfinished=use.unfinished if use else 0,
        )
    ]
    if ruled and ruled.granted:
        said.append(tr_plural("{count} extra run left", "{count} extra runs left", ruled.granted))
    if ruled and ruled.blocked_at:
        when = format_dt(ruled.blocked_at, "R")
        if ruled.blocked_by:
            said.append(
                tr("blocked {when} by {moderator}", when=when, moderator=formatting.mention_member(ruled.blocked_by))
            )
        else:
            said.append(tr("blocked {when}", when=when))
    return said
