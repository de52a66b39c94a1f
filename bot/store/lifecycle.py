"""What is written into a task's row, from its order to its end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.task import Billed, ReplyTarget, Task, TaskRequest, TaskState
from bot.store.tables import members, tasks, to_columns, to_task
from bot.store.usage import is_counted


class StaleRow(Exception):
    """The row is no longer as the caller saw it (it was cancelled, say, or another process has it): read it again."""


def new_task(order: TaskRequest, place: ReplyTarget, now: datetime, granted: bool) -> dict[str, Any]:
    """The values of a new task's row; `granted`: it uses up one of its member's extra runs."""
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


async def change_task(connection: AsyncConnection, task: Task, changes: dict[str, object]) -> Task:
    """Write changes of the task's fields, if its row is still as the caller saw it; return it. Raises StaleRow."""
    same = and_(tasks.c.id == task.id, tasks.c.state == task.state, tasks.c.fence == task.fencing_token)
    changed = await connection.execute(update(tasks).where(same).values(to_columns(changes)).returning(tasks))
    row = changed.one_or_none()
    if row is None:
        raise StaleRow(f"task {task.id} is no longer {task.state} under lease {task.fencing_token}")
    if row.granted and not is_counted(row.state, row.billed):
        await add_runs(connection, row.home, row.user_id, 1)
        await connection.execute(update(tasks).where(tasks.c.id == row.id).values(granted=False))
    changed_task = to_task(row)
    if _needs_no_token(changed_task, changes):
        changed_task = changed_task.model_copy(update={"place": changed_task.place.without_token()})
        spent = to_columns({"place": changed_task.place})
        await connection.execute(update(tasks).where(tasks.c.id == row.id).values(spent))
    return changed_task


def first_values(state: TaskState) -> dict[str, object]:
    """What is known of the tries of a task that has just come to `state`."""
    begun: dict[str, object] = {"retry_at": None, "at_risk": state in {TaskState.PREPARING, TaskState.READY}}
    if state is TaskState.SUBMITTING or state.is_final:
        begun |= {"tries": 0, "crashes": 0}
    return begun


def _needs_no_token(task: Task, changes: dict[str, object]) -> bool:
    """Whether a change ended all work on a task whose reply the bot reaches without its token.

    A private reply's is kept until its end (Attic.sweep): only by it can the reply be deleted.
    """
    ended = task.is_settled and not changes.keys().isdisjoint({"told", "ping_due"}) and "deleted" not in changes
    return ended and not task.place.ephemeral


async def add_runs(connection: AsyncConnection, home: int, user_id: int, runs: int) -> None:
    """Give a member so many more extra runs."""
    here = and_(members.c.home == home, members.c.user_id == user_id)
    await connection.execute(update(members).where(here).values(granted=members.c.granted + runs))
