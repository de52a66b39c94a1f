"""Database: read and write transactions on either engine."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from enum import IntEnum

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.store.errors import StoreUnusable


class Lock(IntEnum):
    """Locks that one transaction at a time holds, over all processes.

    A server's id is a lock too, for that server's limits.
    """

    MIGRATION = 7_340_001
    SUBMISSION = 7_340_002
    """Admission of a new task, which depends on the tasks that exist."""
    CIRCUIT = 7_340_004
    SHARES = 7_340_005
    """Sharing a task, or deleting an unshared one."""
    QUEUE = 7_340_003
    """Which task is next, and whether a slot is free."""


class Database(ABC):
    """Runs reads in parallel, and writes that hold the same lock one after the other."""

    shared: bool
    """Whether other processes may work on it too."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def close(self) -> None:
        """Refuse new transactions, which would reopen the database, and wait until the running ones have ended."""
        self._closed = True
        await self._idle.wait()

    @asynccontextmanager
    async def write_transaction(self, *locks: int) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may write. It is committed unless it raises.

        What it reads is still true when it writes, if every writer of those rows holds one of the same `locks`. Without
        a lock, the WHERE of each write must state what it relies on. Locks are taken in the given order.
        """
        async with self._track(), self._write_transaction(locks) as connection:
            yield connection

    @asynccontextmanager
    async def read_transaction(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that reads one snapshot and waits for no lock."""
        async with self._track(), self._read_transaction() as connection:
            yield connection

    def open_notifications(
        self,
        on_notify: Callable[[int | None], None],  # noqa: ARG002
    ) -> AbstractAsyncContextManager[Callable[[int | None], None]]:
        """See :meth:`bot.store.Store.open_notifications`. A single process receives none."""
        return nullcontext(lambda _: None)

    @abstractmethod
    def _write_transaction(self, locks: tuple[int, ...]) -> AbstractAsyncContextManager[AsyncConnection]: ...

    @abstractmethod
    def _read_transaction(self) -> AbstractAsyncContextManager[AsyncConnection]: ...

    @asynccontextmanager
    async def _track(self) -> AsyncIterator[None]:
        if self._closed:
            raise StoreUnusable("The store is closed because the bot is stopping.")
        self._active += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._active -= 1
            if not self._active:
                self._idle.set()
