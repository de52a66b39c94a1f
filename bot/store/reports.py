"""Counts for panels, reports and metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select, text

from bot.domain.limits import DailyLimits, GuildLimits, UsageRow, UsageSnapshot
from bot.domain.task import TaskState
from bot.store.column_types import UtcDateTime
from bot.store.engines.dialect import unindexed
from bot.store.repository import Repository
from bot.store.tables import members, servers, tasks
from bot.store.usage import (
    IS_WAITING,
    count_tasks,
    in_last_day,
    is_unfinished_in,
    occupies_guild_slot,
    read_member_day,
    read_moderation,
    read_usage,
)
from bot.store.usage_rows import read_usage_rows

_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


class QuotaSnapshot(NamedTuple):
    """What a submission by a member would be checked against now."""

    limits: GuildLimits | None
    usage: UsageSnapshot
    oldest: datetime | None
    """When the oldest task in the member's 24 hours was started."""


class CurrentUsage(NamedTuple):
    """How much of a server's limits is used at one moment."""

    started: int
    running: int
    waiting: int
    members: dict[int, tuple[int, int]]
    """By user id: tasks started in the last 24 hours, and unfinished tasks."""


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """The unfinished tasks at one moment, and the size of the database."""

    tasks: Mapping[TaskState, int]
    """How many tasks are in each unfinished state, 0 included."""
    since: Mapping[TaskState, datetime]
    """By state, when the task that has been in it longest entered it."""
    database_bytes: int


class Reports(Repository):
    """Counts tasks; writes nothing. A part of :class:`bot.store.Store`."""

    async def read_quota(
        self, scope_id: int, user_id: int, daily_limits: Callable[[GuildLimits | None], DailyLimits], now: datetime
    ) -> QuotaSnapshot:
        """Read what a submission by this member would be checked against."""
        async with self._database.read_transaction() as connection:
            moderation = await read_moderation(connection, scope_id, user_id)
            usage = await read_usage(connection, scope_id, user_id, moderation, daily_limits(moderation.limits), now)
            used, oldest = await read_member_day(connection, scope_id, user_id, moderation, now)
            member = usage.member.model_copy(update={"count": used})
            return QuotaSnapshot(moderation.limits, usage.model_copy(update={"member": member}), oldest)

    async def read_current_usage(self, scope_id: int, now: datetime) -> CurrentUsage:
        """Count how much of the server's limits is used, in all and by member."""
        here = tasks.c.home == scope_id
        started_by_member = (
            select(tasks.c.user_id, func.count())
            .outerjoin(members, and_(members.c.home == tasks.c.home, members.c.user_id == tasks.c.user_id))
            .where(here, in_last_day(now), unindexed(tasks.c.id) > func.coalesce(members.c.reset_after, 0))
            .group_by(tasks.c.user_id)
        )
        unfinished_by_member = (
            select(tasks.c.user_id, func.count()).where(is_unfinished_in(scope_id)).group_by(tasks.c.user_id)
        )
        reset = select(servers.c.reset_after).where(servers.c.home == scope_id).scalar_subquery()
        is_started = and_(here, in_last_day(now), unindexed(tasks.c.id) > func.coalesce(reset, 0))
        async with self._database.read_transaction() as connection:
            started = {user: int(number) for user, number in await connection.execute(started_by_member)}
            unfinished = {user: int(number) for user, number in await connection.execute(unfinished_by_member)}
            return CurrentUsage(
                started=await count_tasks(connection, is_started),
                running=await count_tasks(connection, occupies_guild_slot(scope_id, now)),
                waiting=await count_tasks(connection, here, IS_WAITING),
                members={user: (started.get(user, 0), unfinished.get(user, 0)) for user in started | unfinished},
            )

    async def list_usage_rows(self, scope_id: int, since: datetime) -> list[UsageRow]:
        """Count the server's tasks that were started at or after `since`, by day and member."""
        async with self._database.read_transaction() as connection:
            return await read_usage_rows(connection, scope_id, since)

    async def read_member_totals(self, user_id: int) -> tuple[int, int, int]:
        """Count a member's stored tasks, the unfinished ones of these, and the servers that block or grant to them."""
        is_visible = and_(tasks.c.forgotten.is_(False), tasks.c.message_id > 0)
        is_unfinished = tasks.c.state.not_in(TaskState.FINAL)
        is_theirs = and_(tasks.c.user_id == user_id, or_(is_visible, is_unfinished))
        is_moderated = or_(members.c.blocked_at.is_not(None), members.c.granted > 0)
        guilds = select(func.count()).select_from(members).where(members.c.user_id == user_id, is_moderated)
        async with self._database.read_transaction() as connection:
            stored = await count_tasks(connection, is_theirs)
            unfinished = await count_tasks(connection, is_theirs, is_unfinished)
            return stored, unfinished, (await connection.execute(guilds)).scalar_one()

    async def read_task_counts(self) -> TaskCounts:
        """Count the unfinished tasks. An index finds them, so finished tasks cost nothing, however many they are."""
        oldest = func.min(tasks.c.changed_at, type_=UtcDateTime)
        query = select(tasks.c.state, func.count(), oldest).where(tasks.c.state.in_(TaskState.UNFINISHED))
        async with self._database.read_transaction() as connection:
            rows = [
                (TaskState(state), number, since)
                for state, number, since in await connection.execute(query.group_by(tasks.c.state))
            ]
            size = await connection.scalar(text(_SIZE[connection.dialect.name]))
        found = {state: number for state, number, _ in rows}
        return TaskCounts(
            tasks={state: found.get(state, 0) for state in TaskState.UNFINISHED},
            since={state: since for state, _, since in rows},
            database_bytes=int(size or 0),
        )
