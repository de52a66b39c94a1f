"""Sets aside rows that do not parse, so that all other tasks continue.

Such a row was damaged or edited by hand. It keeps its state, but its slot is freed (`overdue`), and no process works on
it until the operator has repaired it and restarted the bot.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from sqlalchemy import CursorResult, Update, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.task import Task
from bot.store.errors import RowUnreadable
from bot.store.tables import tasks
from bot.store.task_rows import to_task

log = logging.getLogger(__name__)

_FAULTS = (ValueError, TypeError, LookupError, AttributeError)
"""What parsing a damaged column may raise."""


def parse_rows(result: CursorResult[Any]) -> tuple[list[Task], list[str]]:
    """Return the tasks that can be parsed, in order, and why each of the other rows cannot."""
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
            faults.append(type(error).__name__)  # its text may quote the row


def parse_readable(result: CursorResult[Any]) -> list[Task]:
    """Return the tasks that can be parsed; log and leave out the other rows."""
    found, faults = parse_rows(result)
    if faults:
        log.warning("%d tasks are left out because their rows cannot be read: %s", len(faults), "; ".join(faults))
    return found


class SetAsideTasks:
    """The tasks that this process holds but does not work on, because their rows cannot be read."""

    def __init__(self) -> None:
        self.ids: set[int] = set()

    async def read_all(self, connection: AsyncConnection, change: Update, ids: Collection[int]) -> list[Task]:
        """Run `change` on the rows `ids`; return those that can be read, ordered by id, and set the others aside."""
        found, faults = parse_rows(await connection.execute(change.returning(tasks)))
        good = {task.id for task in found}
        self.ids -= good
        for task_id in sorted(set(ids) - good) if faults else ():
            _, why = parse_rows(await connection.execute(select(tasks).where(tasks.c.id == task_id)))
            if why:
                await connection.execute(update(tasks).where(tasks.c.id == task_id).values(overdue=True))
                self.ids.add(task_id)
                log.error(
                    "task %d is set aside because its row cannot be read (%s): repair or delete the row, and restart "
                    "the bot; all other tasks continue",
                    task_id,
                    why[0],
                )
        return sorted(found, key=lambda task: task.id)
