"""The two kinds of transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Database:
    """Lets many read, and one write at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite would keep writers apart too, but by letting them try again and again, in no order and not for ever.
        self._writer = asyncio.Lock()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write: what it reads is still true when it writes. Committed unless it raises."""
        async with self._writer, self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one moment and waits for nobody."""
        async with self._engine.connect() as connection:
            yield await connection.execution_options(reading=True)
