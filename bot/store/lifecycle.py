"""Builds and changes a task's row, from its creation to its end."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from bot.domain.errors import ExtendBotError
from bot.domain.task import Billed, ReplyTarget, Task, TaskRequest, TaskState
from bot.store.tables import members, tasks
from bot.store.task_rows import to_columns, to_task
from bot.store.usage import is_counted


class StaleRow(ExtendBotError):
    """The row has changed since the caller read it, by a cancellation or by another process: read it again."""


def build_task_row(order: TaskRequest, place: ReplyTarget, now: datetime, granted: bool) -> dict[str, Any]:
    """Build the row of a new task; `granted`: it uses up one of its member's extra runs."""
    fields = {
        "state": TaskState.QUEUED,
        "user_id": order.user_id,
        "guild_id": order.guild_id,
        "home": order.scope_id,
        "parent_id": order.parent_id,
        "seconds": order.seconds,
        "order": order,
        "place": place,
        "created_at": now,
        "changed_at": now,
        "progress": 0,
        "head_ends": 0.0,
        "overdue": False,
        "billed": Billed.NO,
        "told": False,
        "granted": granted,
        "forgotten": False,
    }
    return to_columns(fields)


@cache  # building the statement takes as long as running it, and there are a few dozen sets of columns
def _build_update(*names: str) -> ReturningUpdate[Any]:
    """Build the UPDATE of these columns of the row `same_id`, if its state and its fencing token are still the same."""
    same = and_(
        tasks.c.id == bindparam("same_id"),
        tasks.c.state == bindparam("same_state"),
        tasks.c.fence == bindparam("same_fence"),
    )
    new = {name: bindparam(f"new_{name}", type_=tasks.c[name].type) for name in names}
    return update(tasks).where(same).values(new).returning(tasks)


async def change_task(connection: AsyncConnection, task: Task, changes: dict[str, object]) -> Task:
    """Write changes of the task's fields and return the new row. Raises StaleRow if `task` is outdated."""
    columns = to_columns(changes)
    same = {"same_id": task.id, "same_state": task.state, "same_fence": task.fencing_token}
    values = {f"new_{name}": value for name, value in columns.items()}
    row = (await connection.execute(_build_update(*sorted(columns)), {**same, **values})).one_or_none()
    if row is None:
        raise StaleRow(f"task {task.id} is no longer {task.state} under lease {task.fencing_token}")
    if row.granted and not is_counted(row.state, row.billed):
        await add_runs(connection, row.home, row.user_id, 1)
        await connection.execute(update(tasks).where(tasks.c.id == row.id).values(granted=False))
    changed_task = to_task(row)
    if _needs_no_token(changed_task, changes):
        changed_task = changed_task.model_copy(update={"place": changed_task.place.without_token()})
        without_token = to_columns({"place": changed_task.place})
        await connection.execute(update(tasks).where(tasks.c.id == row.id).values(without_token))
    return changed_task


def get_initial_values(state: TaskState) -> dict[str, object]:
    """Return the retry and crash columns of a task that enters `state`."""
    values: dict[str, object] = {"retry_at": None, "at_risk": state in {TaskState.PREPARING, TaskState.READY}}
    if state is TaskState.SUBMITTING or state.is_final:
        values |= {"tries": 0, "crashes": 0}
    return values


def _needs_no_token(task: Task, changes: dict[str, object]) -> bool:
    """Return whether a change settled a task whose reply the bot can edit without the interaction's token.

    The token of a private reply is kept until it expires (Retention.delete_tokens): only it can delete the reply.
    """
    ended = (
        task.is_settled
        and not changes.keys().isdisjoint({"outcome_shown", "notification_due"})
        and "deleted" not in changes
    )
    return ended and not task.place.ephemeral


async def add_runs(connection: AsyncConnection, scope_id: int, user_id: int, runs: int) -> None:
    """Add to (or, if negative, take from) a member's extra runs."""
    here = and_(members.c.home == scope_id, members.c.user_id == user_id)
    await connection.execute(update(members).where(here).values(granted=members.c.granted + runs))
