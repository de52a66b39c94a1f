"""How the work stands, in one look that costs next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from bot.store.database import Database
from bot.store.tables import Moment, tasks
from bot.store.uninterrupted import uninterrupted
from bot.task import State

UNFINISHED = tuple(state for state in State if not state.ended)
_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """The unfinished tasks at one moment, and the database."""

    tasks: Mapping[State, int]
    """How many are in each unfinished state; all of these are there."""
    since: Mapping[State, datetime]
    """By state, since when the one is in it that has been the longest."""
    database_bytes: int


class Overview:
    """Reads how the work stands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def read(self) -> Standing:
        """Look at the unfinished tasks alone, by an index: what has ended costs nothing, however much it is."""
        longest = func.min(tasks.c.changed_at, type_=Moment)
        query = select(tasks.c.state, func.count(), longest).where(tasks.c.state.in_(UNFINISHED))
        async with self._database.reading() as connection:
            rows = [
                (State(state), number, since)
                for state, number, since in await connection.execute(query.group_by(tasks.c.state))
            ]
            size = await connection.scalar(text(_SIZE[connection.dialect.name]))
        found = {state: number for state, number, _ in rows}
        return Standing(
            tasks={state: found.get(state, 0) for state in UNFINISHED},
            since={state: since for state, _, since in rows},
            database_bytes=int(size or 0),
        )
