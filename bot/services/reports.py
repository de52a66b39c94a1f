"""What the service answers to those who want to know where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import add

from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits, MemberModeration, OperatorLimits, UsageRow


@dataclass(frozen=True, slots=True)
class Quota:
    """What a member has left, here and now."""

    limits: GuildLimits
    per_day: int
    """The member's own daily number, roles considered; 0: no limit."""
    used: int
    """Of it, in the last 24 hours."""
    granted: int
    """Extra runs left, beyond the daily number."""
    renews_at: datetime | None
    """When the next of the used ones comes back: 24 hours after the oldest; None: none is used."""
    unfinished: int
    """The member's tasks that are waiting or at work, of limits.user_running."""
    exempt: bool
    """The server's numbers do not bind this member."""
    refused: RequestRefused | None
    """Why a new task would be refused now, and until when if that is known; None: it would be accepted."""

    @property
    def left(self) -> int | None:
        """Runs left of the daily number and the extra ones; None: no limit."""
        return max(0, self.per_day - self.used) + self.granted if self.per_day else None


@dataclass(frozen=True, slots=True)
class MemberUsage:
    """One member's use of a server's limits now."""

    user_id: int
    used: int
    """Of the daily number."""
    unfinished: int


@dataclass(frozen=True, slots=True)
class LimitsStatus:
    """A server's limits and what is used of them now: everything that the panel shows."""

    limits: GuildLimits
    operator_limits: OperatorLimits
    used: int
    """Of server_per_day."""
    running: int
    """Of server_running."""
    waiting: int
    """In line."""
    members: tuple[MemberUsage, ...]
    """Those who used something of theirs, the busiest first; at most 25."""
    moderated_members: tuple[MemberModeration, ...]
    """The blocked ones and those with extra runs left."""

    @property
    def blocked(self) -> tuple[MemberModeration, ...]:
        """The blocked members, the latest first."""
        return tuple(member for member in self.moderated_members if member.blocked_at)


@dataclass(frozen=True, slots=True)
class StoredData:
    """What the bot keeps of a member."""

    tasks: int
    """Their tasks' rows, all servers and direct messages together."""
    unfinished: int
    """Of these, the ones that must end before they can be deleted."""
    servers: int
    """Servers on which moderators blocked them or granted extra runs (that is the servers' to delete)."""


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What was done on a server from `first` to `last`, days in UTC, both included."""

    first: date
    last: date
    rows: tuple[UsageRow, ...]
    """One per day and member, oldest day first; only where there was a task. The rows of the CSV."""

    @property
    def days(self) -> list[UsageRow]:
        """One sum per day, empty days included, oldest first; their user_id is 0."""
        sums = {
            self.first + timedelta(days=n): UsageRow(day=self.first + timedelta(days=n), user_id=0)
            for n in range(self.length)
        }
        for row in self.rows:
            sums[row.day] += row
        return list(sums.values())

    @property
    def members(self) -> list[UsageRow]:
        """One sum per member, most tasks first; their day is `first`."""
        sums = {row.user_id: UsageRow(day=self.first, user_id=row.user_id) for row in self.rows}
        for row in self.rows:
            sums[row.user_id] += row
        return sorted(sums.values(), key=lambda sum_: (-sum_.tasks, sum_.user_id))

    @property
    def total(self) -> UsageRow:
        """All of it; its day is `first`, its user_id 0."""
        return reduce(add, self.rows, UsageRow(day=self.first, user_id=0))

    @property
    def length(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1
