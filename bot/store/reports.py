"""What was used and done, counted: for panels and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select, text

from bot.domain.limits import DailyLimits, GuildLimits, UsageRow, UsageSnapshot
from bot.domain.task import TaskState
from bot.store.engines.base import Database
from bot.store.engines.dialect import unindexed
from bot.store.engines.shielded import shielded
from bot.store.tables import UtcDateTime, members, servers, tasks
from bot.store.usage import IN_LINE, count, day_of, held_here, in_last_day, moderation_row, unfinished, usage_of
from bot.store.usage_rows import read_usage_rows

_ENDED = tuple(state for state in TaskState if state.is_final)

UNFINISHED = tuple(state for state in TaskState if not state.is_final)

_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


class QuotaSnapshot(NamedTuple):
    """What the rules would know of a member now."""

    limits: GuildLimits | None
    usage: UsageSnapshot
    oldest: datetime | None
    """The oldest start in the member's window."""


class CurrentUsage(NamedTuple):
    """What is used of a server's limits at one moment."""

    started: int
    running: int
    waiting: int
    members: dict[int, tuple[int, int]]
    """By user id: started in their day, and unfinished."""


class Reports:
    """Counts. Nothing here writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @shielded
    async def quota_snapshot(
        self, home: int, user_id: int, daily_limits: Callable[[GuildLimits | None], DailyLimits], now: datetime
    ) -> QuotaSnapshot:
        """See what a submission by this member would be judged by."""
        async with self._database.read_transaction() as connection:
            moderation = await moderation_row(connection, home, user_id)
            usage = await usage_of(connection, home, user_id, moderation, daily_limits(moderation.limits), now)
            used, oldest = await day_of(connection, home, user_id, moderation, now)
            member = usage.member.model_copy(update={"count": used})
            return QuotaSnapshot(moderation.limits, usage.model_copy(update={"member": member}), oldest)

    @shielded
    async def current_usage(self, home: int, now: datetime) -> CurrentUsage:
        """Count what is used of the server's limits, and by whom of theirs."""
        here = tasks.c.home == home
        day = (
            select(tasks.c.user_id, func.count())
            .outerjoin(members, and_(members.c.home == tasks.c.home, members.c.user_id == tasks.c.user_id))
            .where(here, in_last_day(now), unindexed(tasks.c.id) > func.coalesce(members.c.reset_after, 0))
            .group_by(tasks.c.user_id)
        )
        open_ones = select(tasks.c.user_id, func.count()).where(unfinished(home)).group_by(tasks.c.user_id)
        reset = select(servers.c.reset_after).where(servers.c.home == home).scalar_subquery()
        started = and_(here, in_last_day(now), unindexed(tasks.c.id) > func.coalesce(reset, 0))
        async with self._database.read_transaction() as connection:
            used: dict[int, int] = {user: count for user, count in await connection.execute(day)}  # noqa: C416 (rows)
            still: dict[int, int] = {user: count for user, count in await connection.execute(open_ones)}  # noqa: C416
            people = {user: (used.get(user, 0), still.get(user, 0)) for user in used | still}
            return CurrentUsage(
                started=await count(connection, started),
                running=await count(connection, held_here(home, now)),
                waiting=await count(connection, here, IN_LINE),
                members=people,
            )

    @shielded
    async def usage_rows(self, home: int, since: datetime) -> list[UsageRow]:
        """Count the server's tasks that were started from `since` on, by day and member."""
        async with self._database.read_transaction() as connection:
            return await read_usage_rows(connection, home, since)

    @shielded
    async def member_totals(self, user_id: int) -> tuple[int, int, int]:
        """How many tasks are kept of a member, how many of these are unfinished, and on how many servers a ruling."""
        known = and_(tasks.c.forgotten.is_(False), tasks.c.message_id > 0)
        theirs = and_(tasks.c.user_id == user_id, or_(known, tasks.c.state.not_in(_ENDED)))
        ruled = and_(members.c.user_id == user_id, or_(members.c.blocked_at.is_not(None), members.c.granted > 0))
        async with self._database.read_transaction() as connection:
            kept = await count(connection, theirs)
            still = await count(connection, theirs, tasks.c.state.not_in(_ENDED))
            on_servers = select(func.count()).select_from(members).where(ruled)
            return kept, still, (await connection.execute(on_servers)).scalar_one()


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """The unfinished tasks at one moment, and the database."""

    tasks: Mapping[TaskState, int]
    """How many are in each unfinished state; all of these are there."""
    since: Mapping[TaskState, datetime]
    """By state, since when the one is in it that has been the longest."""
    database_bytes: int


class Overview:
    """Reads how the work stands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @shielded
    async def read(self) -> TaskCounts:
        """Look at the unfinished tasks alone, by an index: what has ended costs nothing, however much it is."""
        longest = func.min(tasks.c.changed_at, type_=UtcDateTime)
        query = select(tasks.c.state, func.count(), longest).where(tasks.c.state.in_(UNFINISHED))
        async with self._database.read_transaction() as connection:
            rows = [
                (TaskState(state), number, since)
                for state, number, since in await connection.execute(query.group_by(tasks.c.state))
            ]
            size = await connection.scalar(text(_SIZE[connection.dialect.name]))
        found = {state: number for state, number, _ in rows}
        return TaskCounts(
            tasks={state: found.get(state, 0) for state in UNFINISHED},
            since={state: since for state, _, since in rows},
            database_bytes=int(size or 0),
        )
