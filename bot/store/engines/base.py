"""The two kinds of transactions, and what a database of either make must do for them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from enum import IntEnum

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.store.errors import StoreUnusable


class Lock(IntEnum):
    """What only one transaction at a time may decide on, over all processes.

    A server's id is a lock too: its own.
    """

    MIGRATION = 7_340_001
    ORDERS = 7_340_002
    """Whether one more task is accepted, which is reckoned by those that there are."""
    PAUSES = 7_340_004
    SHARES = 7_340_005
    """Whether a task is shared, or not and can go."""
    TURNS = 7_340_003
    """Whose turn it is, and whether there is a slot."""


class Database(ABC):
    """Lets many read, and those who hold the same lock write one after the other."""

    shared: bool
    """Whether other processes may be at work on it too."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def close(self) -> None:
        """Let what is under way end; whatever comes after that is refused, for it would open the database anew."""
        self._closed = True
        await self._idle.wait()

    @asynccontextmanager
    async def write_transaction(self, *locks: int) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write; committed unless it raises.

        What it reads is still true when it writes if all who change that name one of the same `locks`. Without any, it
        is the WHERE of a write that must say what is relied upon. Locks are taken in the order in which they are given.
        """
        async with self._counted(), self._write_transaction(locks) as connection:
            yield connection

    @asynccontextmanager
    async def read_transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one moment and waits for nobody."""
        async with self._counted(), self._read_transaction() as connection:
            yield connection

    def notifications(
        self,
        on_notify: Callable[[int | None], None],  # noqa: ARG002
    ) -> AbstractAsyncContextManager[Callable[[int | None], None]]:
        """Between processes; see :meth:`bot.store.Store.signals`. Where there is only one, nobody hears anything."""
        return nullcontext(lambda _: None)

    @abstractmethod
    def _write_transaction(self, locks: tuple[int, ...]) -> AbstractAsyncContextManager[AsyncConnection]: ...

    @abstractmethod
    def _read_transaction(self) -> AbstractAsyncContextManager[AsyncConnection]: ...

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        if self._closed:
            raise StoreUnusable("The store is closed, for the bot is stopping.")
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
