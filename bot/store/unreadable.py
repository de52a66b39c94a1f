"""Rows that this program cannot read: each is set aside, so that all others go on.

That is a row that was damaged, or written by hand. It keeps its state; its slot is freed (`overdue`), and nobody works
on it until the operator has mended it and started the bot again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from sqlalchemy import CursorResult, Update, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.task import Task
from bot.store.errors import RowUnreadable
from bot.store.tables import tasks, to_task

log = logging.getLogger(__name__)

_FAULTS = (ValueError, TypeError, LookupError, AttributeError)
"""What reading a column's value raises, whatever is wrong with it."""


def readable(result: CursorResult[Any]) -> tuple[list[Task], list[str]]:
    """The tasks among the rows, in their order, and why the other rows cannot be read."""
    found: list[Task] = []
    faults: list[str] = []
    while True:
        try:
            row = result.fetchone()
            if row is None:
                return found, faults
            found.append(to_task(row))
        except RowUnreadable as error:
            faults.append(str(error))
        except _FAULTS as error:
            faults.append(type(error).__name__)  # (its text may hold what stands in the row)


def only_readable(result: CursorResult[Any]) -> list[Task]:
    """The same for those who look at many: a row that cannot be read is left out."""
    found, faults = readable(result)
    if faults:
        log.warning("%d tasks are left out, for their rows cannot be read: %s", len(faults), "; ".join(faults))
    return found


class SetAside:
    """Which tasks this process holds and does not work on."""

    def __init__(self) -> None:
        self.ids: set[int] = set()

    async def read_all(self, connection: AsyncConnection, change: Update, ids: Collection[int]) -> list[Task]:
        """Change those rows; return what can be read of them, by number, and set the others aside."""
        found, faults = readable(await connection.execute(change.returning(tasks)))
        good = {task.id for task in found}
        self.ids -= good
        for task_id in sorted(set(ids) - good) if faults else ():
            _, why = readable(await connection.execute(select(tasks).where(tasks.c.id == task_id)))
            if why:
                await connection.execute(update(tasks).where(tasks.c.id == task_id).values(overdue=True))
                self.ids.add(task_id)
                log.error(
                    "task %d is set aside, for its row cannot be read (%s): mend or delete the row, and start the bot "
                    "again; the other tasks go on",
                    task_id,
                    why[0],
                )
        return sorted(found, key=lambda task: task.id)
