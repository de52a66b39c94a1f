"""The reports that the services return."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import reduce
from operator import add

from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits, MemberModeration, OperatorLimits, UsageRow


@dataclass(frozen=True, slots=True)
class Quota:
    """A member's current quota on one server."""

    limits: GuildLimits
    per_day: int
    """The member's daily limit, with their roles considered; 0: no limit."""
    used: int
    """Runs used in the last 24 hours."""
    granted: int
    """Remaining extra runs, beyond the daily limit."""
    renews_at: datetime | None
    """When the next used run becomes available again: 24 hours after the oldest start; None: none is used."""
    unfinished: int
    """The member's unfinished tasks, which limits.user_running bounds."""
    exempt: bool
    """Whether the member is exempt from the server's numeric limits."""
    refused: RequestRefused | None
    """Why a new task would be refused now; None: it would be accepted."""

    @property
    def left(self) -> int | None:
        """Remaining runs, daily and extra ones together; None: no limit."""
        return max(0, self.per_day - self.used) + self.granted if self.per_day else None


@dataclass(frozen=True, slots=True)
class MemberUsage:
    """One member's current usage of a server's limits."""

    user_id: int
    used: int
    """Runs counted against the daily limit."""
    unfinished: int


@dataclass(frozen=True, slots=True)
class LimitsStatus:
    """A server's limits and their current usage: everything that the panel shows."""

    limits: GuildLimits
    operator_limits: OperatorLimits
    at: datetime = field(compare=False)
    """When they were read."""
    used: int
    """Runs counted against server_per_day."""
    running: int
    """Running tasks, which server_running bounds."""
    waiting: int
    """Queued tasks."""
    members: tuple[MemberUsage, ...]
    """The members with some usage, busiest first; at most 25."""
    moderated_members: tuple[MemberModeration, ...]
    """The members who are blocked or have extra runs left."""

    @property
    def is_paused(self) -> bool:
        """Whether members cannot start tasks."""
        return self.limits.is_paused(self.at)

    @property
    def blocked(self) -> tuple[MemberModeration, ...]:
        """The blocked members, latest first."""
        return tuple(member for member in self.moderated_members if member.blocked_at)


@dataclass(frozen=True, slots=True)
class StoredData:
    """Counts of what the bot stores about a member."""

    tasks: int
    """Their tasks, over all servers and direct messages."""
    unfinished: int
    """The tasks among these that must end before they can be deleted."""
    servers: int
    """Servers whose moderators blocked them or granted extra runs (only those can delete that)."""


@dataclass(frozen=True, slots=True)
class UsageReport:
    """A server's usage from `first` to `last`, days in UTC, both included."""

    first: date
    last: date
    rows: tuple[UsageRow, ...]
    """One row per day and member with at least one task, oldest day first: the rows of the CSV file."""

    @property
    def days(self) -> list[UsageRow]:
        """One total per day, empty days included, oldest first; user_id is 0."""
        sums = {
            self.first + timedelta(days=n): UsageRow(day=self.first + timedelta(days=n), user_id=0)
            for n in range(self.length)
        }
        for row in self.rows:
            sums[row.day] += row
        return list(sums.values())

    @property
    def members(self) -> list[UsageRow]:
        """One total per member, most tasks first; day is `first`."""
        sums = {row.user_id: UsageRow(day=self.first, user_id=row.user_id) for row in self.rows}
        for row in self.rows:
            sums[row.user_id] += row
        return sorted(sums.values(), key=lambda sum_: (-sum_.tasks, sum_.user_id))

    @property
    def total(self) -> UsageRow:
        """The total; day is `first`, user_id is 0."""
        return reduce(add, self.rows, UsageRow(day=self.first, user_id=0))

    @property
    def length(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1
