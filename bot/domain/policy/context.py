"""The input of the rules, and the values derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bot.domain.limits import DailyLimits, GuildLimits, OperatorLimits, Requester, UsageSnapshot
from bot.domain.task import TaskRequest


@dataclass(frozen=True, slots=True)
class Screening:
    """The result of searching a prompt for a server's forbidden words."""

    entries: tuple[str, ...] = ()
    """The forbidden words that were searched for."""
    found: str | None = None
    """The first one that the prompt contains."""


def is_exempt(limits: GuildLimits, requester: Requester) -> bool:
    """Whether the member is exempt from the server's numeric limits."""
    return bool(limits.exempt_roles & requester.role_ids)


def daily_limits_of(limits: GuildLimits, requester: Requester, operator_limits: OperatorLimits) -> DailyLimits:
    """Return the daily limits that apply to this member; 0: no limit."""
    daily = {"share": operator_limits.server_per_day, "all_guilds": operator_limits.max_per_day}
    operator_limit = DailyLimits(**daily, free_failures=operator_limits.free_failures)
    if is_exempt(limits, requester):
        return operator_limit
    by_role = [number for role, number in limits.role_per_day.items() if role in requester.role_ids]
    most_generous = 0 if 0 in by_role else max(by_role, default=limits.user_per_day)
    return operator_limit.model_copy(update={"member": most_generous, "server": limits.server_per_day})


@dataclass(frozen=True)
class RuleContext:
    """The input of every rule."""

    limits: GuildLimits
    usage: UsageSnapshot
    request: TaskRequest
    requester: Requester
    now: datetime
    operator_limits: OperatorLimits
    screening: Screening

    @cached_property
    def exempt(self) -> bool:
        """Whether the requester is exempt from the server's numeric limits."""
        return is_exempt(self.limits, self.requester)

    @cached_property
    def daily_limits(self) -> DailyLimits:
        """The daily limits that apply to the requester."""
        return daily_limits_of(self.limits, self.requester, self.operator_limits)

    @cached_property
    def over_daily_limit(self) -> bool:
        """Whether the requester has reached their daily limit."""
        return 0 < self.daily_limits.member <= self.usage.member.count
