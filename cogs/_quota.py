"""What /quota tells a member: where they stand. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord.utils import format_dt

from bot.service import Quota
from bot.task import State, Task
from cogs import _rules
from cogs._cards import BLUE, YELLOW, in_line, jump_url


def embed(quota: Quota, tasks: Sequence[Task]) -> discord.Embed:
    """What is left, when it renews, why nothing would be accepted now, and the places in line of `tasks`."""
    shown = discord.Embed(title="What you have left here", colour=YELLOW if quota.refused else BLUE)
    shown.description = _now(quota)
    shown.add_field(name="In 24 hours", value=_day(quota), inline=False)
    shown.add_field(name="Unfinished", value=_unfinished(quota, tasks), inline=False)
    if rules := _rules_of(quota):
        shown.add_field(name="Rules", value=rules, inline=False)
    return shown


def _now(quota: Quota) -> str:
    if quota.refused is None:
        return "You can start a task now: type /extend."
    again = f" You can try again {format_dt(quota.refused.allowed_at, 'R')}." if quota.refused.allowed_at else ""
    return f"**Not now.** {quota.refused.sentence}{again}"


def _day(quota: Quota) -> str:
    if quota.exempt:
        return f"**{quota.used:,}** used; no limit binds you, for one of your roles is free of them."
    if quota.left is None:
        return f"**{quota.used:,}** used; there is no limit."
    lines = [f"**{quota.left:,} left**", _rules.of(quota.used, quota.per_day) + " used"]
    if quota.granted:
        lines.append(f"{quota.granted:,} of those left are extra runs, which do not run out.")
    if quota.renews_at:
        lines.append(f"The next one comes back {format_dt(quota.renews_at, 'R')}.")
    return "\n".join(lines)


def _unfinished(quota: Quota, tasks: Sequence[Task]) -> str:
    most = 0 if quota.exempt else quota.limits.user_running
    waiting = [task for task in tasks if task.state is State.QUEUED]
    lines = [f"[Task {task.id}]({jump_url(task)}): {in_line(task) or 'waiting in line.'}" for task in waiting]
    return "\n".join([_rules.of(quota.unfinished, most), *lines])


def _rules_of(quota: Quota) -> str:
    if quota.exempt:
        return ""
    limits, said = quota.limits, []
    if limits.max_seconds:
        said.append(f"One task adds at most {limits.max_seconds} s.")
    if limits.cooldown:
        said.append(f"There are {_rules.duration(limits.cooldown)} between two tasks.")
    if limits.channels:
        said.append(f"Used in: {_rules.value('channels', limits)}")
    return "\n".join(said)
