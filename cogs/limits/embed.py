"""Builds the embed of /limits show. Pure; the buttons and selects are in components.py."""

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

_MAX_GRANTED, _MAX_BUSY = 8, 5
"""Members listed with extra runs, and members listed as the busiest."""


@dataclass(frozen=True, slots=True)
class PanelSelection:
    """The open page of the panel, and the member selected on the members page."""

    page: str = "numbers"
    member_id: int | None = None


def build_embed(status: LimitsStatus, selection: PanelSelection, language: Language, note: str = "") -> discord.Embed:
    """Build the embed of all limits and their usage; `note` describes the latest change."""
    limits = status.limits
    colour = YELLOW if status.is_paused else BLUE
    panel = discord.Embed(title=language.tr("Limits of this server"), colour=colour)
    state = language.translate(_describe_state(status))
    panel.description = f"{state}\n✅ {note}" if note else state
    fields = [
        (tr("The server"), _describe_server(status)),
        (tr("Each member"), _describe_each_member(limits)),
        (tr("Roles"), _describe_roles(limits)),
        (tr("Channels"), _describe_channels(limits)),
        (tr("Members"), _describe_members(status)),
        (tr("Forbidden in prompts"), [text.format_forbidden(limits)]),
        (tr("Language"), [_describe_language(limits)]),
    ]
    if selection.member_id is not None:
        fields.append((tr("Chosen member"), _describe_chosen(status, selection.member_id)))
    for name, lines in fields:
        panel.add_field(name=language.translate(name), value="\n".join(map(language.translate, lines)), inline=False)
    return fit_embed(panel)


def _describe_state(status: LimitsStatus) -> Translatable:
    limits = status.limits
    if not status.is_paused:
        return tr("Open: members can extend videos.")
    state = tr("⏸️ **Paused**")
    if limits.paused_until:
        state = tr("⏸️ **Paused** until {when}", when=format_dt(limits.paused_until, "f"))
    if not limits.paused:
        return tr("{state}.", state=state)
    return tr("{state}: {reason}", state=state, reason=formatting.escape_line(limits.paused, 300))


def _describe_server(status: LimitsStatus) -> list[Translatable]:
    limits, operator_limits = status.limits, status.operator_limits
    lines = [
        tr("{used} in 24 hours", used=text.format_usage(status.used, limits.server_per_day)),
        tr("{used} at FoxAPI now", used=text.format_usage(status.running, limits.server_running)),
    ]
    if status.waiting:
        lines.append(tr("{count} queued", count=status.waiting))
    if operator_limits.guild_share_percent < 100 or operator_limits.max_per_day:
        lines.append(_describe_operator_limits(operator_limits))
    return lines


def _describe_operator_limits(operator_limits: OperatorLimits) -> Translatable:
    running, day = operator_limits.server_running, operator_limits.server_per_day
    if not day:
        return tr("-# My operator allows this server at most {running} at once.", running=running)
    return tr(
        "-# My operator allows this server at most {running} at once and {day} in 24 hours.", running=running, day=day
    )


def _describe_each_member(limits: GuildLimits) -> list[Translatable]:
    value = {name: text.format_number(name, getattr(limits, name)) for name in text.NUMBERS}
    return [
        tr("**{number}** in 24 hours", number=value["user_per_day"]),
        tr("**{number}** unfinished at once", number=value["user_running"]),
        tr("**{time}** between two tasks", time=value["cooldown"]),
        tr("**{time}** added by one task, at most", time=value["max_seconds"]),
    ]


def _describe_roles(limits: GuildLimits) -> list[Translatable]:
    return [
        tr("Required: {role}", role=text.format_value("required_role", limits)),
        tr("Exempt from the numeric limits: {roles}", roles=text.format_value("exempt_roles", limits)),
        tr("Own daily limit: {roles}", roles=text.format_role_limits(limits)),
    ]


def _describe_channels(limits: GuildLimits) -> list[Translatable]:
    return [
        tr("Used in: {channels}", channels=text.format_value("channels", limits)),
        tr("Outside age-restricted channels: {whether}", whether=text.format_value("open_everywhere", limits)),
        tr("Private replies: {whether}", whether=text.format_value("private_allowed", limits)),
        tr("Log: {channel}", channel=text.format_value("log_channel_id", limits)),
    ]


def _describe_members(status: LimitsStatus) -> list[Translatable]:
    blocked = formatting.list_mentions(
        [each.user_id for each in status.blocked], formatting.mention_member, tr("nobody")
    )
    granted = [(each.user_id, each.granted) for each in status.moderated_members if each.granted]
    busy = [(each.user_id, each.used) for each in status.members if each.used]
    lines = [tr("Blocked: {members}", members=blocked)]
    if runs := _list_with_numbers(granted[:_MAX_GRANTED]):
        lines.append(tr("Extra runs: {members}", members=runs))
    if used := _list_with_numbers(busy[:_MAX_BUSY]):
        lines.append(tr("Most tasks in 24 hours: {members}", members=used))
    return lines


def _list_with_numbers(numbers: list[tuple[int, int]]) -> Translatable | None:
    """List members with a number each; None for an empty list."""
    return formatting.join_list(
        tr("{member} {number}", member=formatting.mention_member(user_id), number=number) for user_id, number in numbers
    )


def _describe_language(limits: GuildLimits) -> Translatable:
    return tr("Public messages and log: {language}", language=text.format_value("language", limits))


def _describe_chosen(status: LimitsStatus, user_id: int) -> list[Translatable]:
    usage = next((each for each in status.members if each.user_id == user_id), None)
    moderated = next((each for each in status.moderated_members if each.user_id == user_id), None)
    lines = [
        tr(
            "{member}: {used} in 24 hours, {unfinished} unfinished",
            member=formatting.mention_member(user_id),
            used=usage.used if usage else 0,
            unfinished=usage.unfinished if usage else 0,
        )
    ]
    if moderated and moderated.granted:
        lines.append(tr_plural("{count} extra run left", "{count} extra runs left", moderated.granted))
    if moderated and moderated.blocked_at:
        when = format_dt(moderated.blocked_at, "R")
        if moderated.blocked_by:
            lines.append(
                tr(
                    "blocked {when} by {moderator}",
                    when=when,
                    moderator=formatting.mention_member(moderated.blocked_by),
                )
            )
        else:
            lines.append(tr("blocked {when}", when=when))
    return lines
