"""Counts for /usage: stored tasks, and the totals of tasks that were deleted at their members' request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Text, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.limits import NOBODY, UsageRow
from bot.domain.task import TaskState
from bot.store.engines.dialect import insert_into, unindexed
from bot.store.tables import deleted_usage, tasks

_OUTCOMES = {
    "delivered": tasks.c.state == TaskState.DELIVERED,
    "failed": tasks.c.state == TaskState.FAILED,
    "cancelled": tasks.c.state == TaskState.CANCELLED,
    "unclear": tasks.c.state == TaskState.UNCLEAR,
}
_IS_UNFINISHED = tasks.c.state.in_(TaskState.UNFINISHED)
_SUMMED = (*_OUTCOMES, "seconds", "credits")
_DAY = func.date(tasks.c.created_at, type_=Text).label("day")


def _sum_where(condition: ColumnElement[bool], value: object = 1) -> ColumnElement[int]:
    return func.sum(case((condition, value), else_=0))


_SUMS = (
    *(_sum_where(condition).label(name) for name, condition in _OUTCOMES.items()),
    _sum_where(_OUTCOMES["delivered"], tasks.c.seconds).label("seconds"),
    func.coalesce(func.sum(tasks.c.credits), 0.0).label("credits"),
)


def select_usage_rows(condition: ColumnElement[bool]) -> Select[Any]:
    """Select the counts of those tasks by server and day."""
    home = unindexed(tasks.c.home)
    return select(home.label("home"), _DAY, *_SUMS).where(condition).group_by(home, _DAY)


async def add_usage_row(connection: AsyncConnection, row: Row[Any]) -> None:
    """Add the counts of tasks that are being deleted to the stored totals."""
    added = insert_into(connection, deleted_usage).values(dict(row._mapping, day=str(row.day)))
    sums = {name: deleted_usage.c[name] + added.excluded[name] for name in _SUMMED}
    await connection.execute(added.on_conflict_do_update(index_elements=["home", "day"], set_=sums))


async def read_usage_rows(connection: AsyncConnection, scope_id: int, since: datetime) -> list[UsageRow]:
    """Count the server's tasks started at or after `since`, by day and member; deleted tasks are NOBODY's."""
    unfinished = _sum_where(_IS_UNFINISHED).label("unfinished")
    stored = (
        select(_DAY, tasks.c.user_id, *_SUMS, unfinished)
        .where(tasks.c.home == scope_id, tasks.c.created_at >= since)
        .group_by(_DAY, tasks.c.user_id)
    )
    columns = [deleted_usage.c[name] for name in ("day", *_SUMMED)]
    deleted = select(*columns).where(deleted_usage.c.home == scope_id, deleted_usage.c.day >= str(since.date()))
    rows = [dict(row._mapping) for row in await connection.execute(stored)]
    rows += [dict(row._mapping, user_id=NOBODY) for row in await connection.execute(deleted)]
    return sorted((UsageRow.model_validate(row) for row in rows), key=lambda row: (row.day, row.user_id))
