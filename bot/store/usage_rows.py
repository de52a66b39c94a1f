"""What /usage counts: the tasks that there are and, without their members, those that were deleted at their wish."""

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
_UNFINISHED = tasks.c.state.in_([state for state in TaskState if not state.is_final])
_ADDED = (*_OUTCOMES, "seconds", "credits")
_DAY = func.date(tasks.c.created_at, type_=Text).label("day")


def _sum_of(what: ColumnElement[bool], number: object = 1) -> ColumnElement[int]:
    return func.sum(case((what, number), else_=0))


_SUMS = (
    *(_sum_of(what).label(name) for name, what in _OUTCOMES.items()),
    _sum_of(_OUTCOMES["delivered"], tasks.c.seconds).label("seconds"),
    func.coalesce(func.sum(tasks.c.credits), 0.0).label("credits"),
)


def usage_rows_of(which: ColumnElement[bool]) -> Select[Any]:
    """Those tasks, counted by server and day."""
    home = unindexed(tasks.c.home)
    return select(home.label("home"), _DAY, *_SUMS).where(which).group_by(home, _DAY)


async def add_usage_row(connection: AsyncConnection, row: Row[Any]) -> None:
    """Go on counting tasks that are deleted now."""
    kept = insert_into(connection, deleted_usage).values(dict(row._mapping, day=str(row.day)))
    more = {name: deleted_usage.c[name] + kept.excluded[name] for name in _ADDED}
    await connection.execute(kept.on_conflict_do_update(index_elements=["home", "day"], set_=more))


async def read_usage_rows(connection: AsyncConnection, home: int, since: datetime) -> list[UsageRow]:
    """The server's tasks that were started from `since` on, by day and member; NOBODY's are those of deleted rows."""
    unfinished = _sum_of(_UNFINISHED).label("unfinished")
    there = (
        select(_DAY, tasks.c.user_id, *_SUMS, unfinished)
        .where(tasks.c.home == home, tasks.c.created_at >= since)
        .group_by(_DAY, tasks.c.user_id)
    )
    columns = [deleted_usage.c[name] for name in ("day", *_ADDED)]
    deleted = select(*columns).where(deleted_usage.c.home == home, deleted_usage.c.day >= str(since.date()))
    rows = [dict(row._mapping) for row in await connection.execute(there)]
    rows += [dict(row._mapping, user_id=NOBODY) for row in await connection.execute(deleted)]
    return sorted((UsageRow.model_validate(row) for row in rows), key=lambda it: (it.day, it.user_id))
