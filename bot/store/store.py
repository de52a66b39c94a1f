"""The store's face: what is asked of the rows, in this program's words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Self

from sqlalchemy import select

from bot.store.engines.base import Database
from bot.store.engines.dialect import upsert
from bot.store.engines.open import open_database
from bot.store.engines.shielded import shielded
from bot.store.guilds import Guilds
from bot.store.leases import Leases
from bot.store.queue import TaskQueue
from bot.store.reports import Overview, Reports
from bot.store.retention import Retention
from bot.store.shares import ShareRepository
from bot.store.single_process import LocalCircuitState, LocalTurns
from bot.store.tables import notes
from bot.store.tasks import TaskRepository
from bot.store.throttle import CircuitState, SharedTurns


class Store:
    """All rows. Made by :meth:`open`."""

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self.leases = Leases(database, lease)
        self.circuit_state = CircuitState(database) if database.shared else LocalCircuitState(database)
        self.shared_turns = SharedTurns(database) if database.shared else LocalTurns(database)
        self.guilds = Guilds(self._database)
        self.reports = Reports(self._database)
        self.retention = Retention(self._database)
        self.tasks = TaskRepository(self._database)
        self.queue = TaskQueue(self._database, self.leases)
        self.shares = ShareRepository(self._database)
        self.overview = Overview(self._database)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, lease: float = 20) -> AsyncIterator[Self]:
        """Open the database at `url`, migrated; an SQLite file for this process alone. Raises StoreUnusable.

        `lease`: seconds after its last sign of life at which a process's tasks may go to others.
        """
        async with open_database(url) as database:
            try:
                yield cls(database, lease)
            finally:
                await database.close()

    @property
    def is_single_process(self) -> bool:
        """Whether no other process can be at work on these rows."""
        return not self._database.shared

    def notifications(
        self, on_notify: Callable[[int | None], None]
    ) -> AbstractAsyncContextManager[Callable[[int | None], None]]:
        """Between entering and leaving, `hear` is told what other processes tell, and what it yields tells them.

        Some of it may be lost, for instance while the database is away.
        """
        return self._database.notifications(on_notify)

    @shielded
    async def get_note(self, name: str) -> str | None:
        """A note that the bot made for itself."""
        async with self._database.read_transaction() as connection:
            value: str | None = await connection.scalar(select(notes.c.value).where(notes.c.name == name))
            return value

    @shielded
    async def set_note(self, name: str, value: str) -> None:
        """Make, or make anew, a note."""
        async with self._database.write_transaction() as connection:
            await upsert(connection, notes, {"name": name}, {"value": value})
