"""How the work stands, in one look that costs next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from bot.store.database import Database
from bot.store.tables import UtcDateTime, tasks
from bot.store.uninterrupted import shielded
from bot.task import TaskState

UNFINISHED = tuple(state for state in TaskState if not state.is_final)
_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


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
