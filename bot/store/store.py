"""The store: one object that holds the repositories of all tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Self

from sqlalchemy import delete, select

from bot.store.engines.base import Database
from bot.store.engines.dialect import upsert
from bot.store.engines.open import open_database
from bot.store.guilds import GuildRepository
from bot.store.leases import Leases
from bot.store.queue import TaskQueue
from bot.store.reports import Reports
from bot.store.repository import Repository
from bot.store.retention import Retention
from bot.store.shares import ShareRepository
from bot.store.single_process import LocalCircuitState, LocalTurns
from bot.store.tables import notes
from bot.store.tasks import TaskRepository
from bot.store.throttle import CircuitState, SharedTurns


class Store(Repository):
    """All repositories, and the bot's notes. Created by :meth:`open`."""

    def __init__(self, database: Database, lease: float) -> None:
        super().__init__(database)
        self.leases = Leases(database, lease)
        self.circuit_state = CircuitState(database) if database.shared else LocalCircuitState(database)
        self.shared_turns = SharedTurns(database) if database.shared else LocalTurns(database)
        self.guilds = GuildRepository(database)
        self.reports = Reports(database)
        self.retention = Retention(database)
        self.tasks = TaskRepository(database)
        self.queue = TaskQueue(database, self.leases)
        self.shares = ShareRepository(database)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, lease: float = 20) -> AsyncIterator[Self]:
        """Open and migrate the database at `url`. A SQLite file is locked for this process. Raises StoreUnusable.

        `lease`: seconds after a process's last heartbeat at which others may take over its tasks.
        """
        async with open_database(url) as database:
            try:
                yield cls(database, lease)
            finally:
                await database.close()

    @property
    def is_single_process(self) -> bool:
        """Whether no other process can work on this database."""
        return not self._database.shared

    def open_notifications(
        self, on_notify: Callable[[int | None], None]
    ) -> AbstractAsyncContextManager[Callable[[int | None], None]]:
        """Exchange notifications with other processes while the context is open.

        `on_notify` receives theirs, and the yielded function sends one. A notification is a task's id, or None for any
        change. It may be lost, for instance while the database is unreachable.
        """
        return self._database.open_notifications(on_notify)

    async def get_note(self, name: str) -> str | None:
        """Return a note that the bot made for itself, or None."""
        value: str | None = await self._read_scalar(select(notes.c.value).where(notes.c.name == name))
        return value

    async def set_note(self, name: str, value: str) -> None:
        """Create or replace a note."""
        async with self._database.write_transaction() as connection:
            await upsert(connection, notes, {"name": name}, {"value": value})

    async def delete_note(self, name: str) -> None:
        """Delete a note, if it exists."""
        async with self._database.write_transaction() as connection:
            await connection.execute(delete(notes).where(notes.c.name == name))
