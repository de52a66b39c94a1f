"""The two kinds of transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.store.errors import StoreUnusable


class Database:
    """Lets many read, and one write at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite would keep writers apart too, but by letting them try again and again, in no order and not for ever.
        self._writer = asyncio.Lock()
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def close(self) -> None:
        """Let what is under way end; whatever comes after that is refused, for it would open the file anew."""
        self._closed = True
        await self._idle.wait()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write: what it reads is still true when it writes. Committed unless it raises."""
        async with self._counted(), self._writer, self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one moment and waits for nobody."""
        async with self._counted(), self._engine.connect() as connection:
            yield await connection.execution_options(reading=True)

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
