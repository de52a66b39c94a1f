"""A database of either make, as somebody else than the bot sees it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from tests.support.postgres_cluster import Cluster

ENGINES = ("sqlite", "postgresql")


class Database(Protocol):
    """Where the bot's rows are, and a way to them beside the bot."""

    @property
    def url(self) -> str:
        """What DATABASE_URL is for it."""

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement, and return its rows."""


@dataclass(frozen=True)
class SQLiteFile:
    """The default: a file."""

    file: Path

    @property
    def url(self) -> str:
        return f"sqlite+aiosqlite:///{self.file}"

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        # Reading must not touch it: closing it as a writer would mend what a crash has left.
        mode = "ro" if statement.lstrip().upper().startswith("SELECT") else "rw"
        with closing(sqlite3.connect(f"file:{self.file}?mode={mode}", uri=True, timeout=10)) as connection, connection:
            return connection.execute(statement).fetchall()


class PostgresDatabase:
    """One database of a cluster. Asked from a thread, so that a test's condition may look at it without awaiting."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection: asyncpg.Connection | None = None

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return self._run(self._fetch(statement))

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.terminate()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=20)

    async def _fetch(self, statement: str) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        return [tuple(row) for row in await self._connection.fetch(statement)]


@asynccontextmanager
async def new_database(folder: Path, cluster: Cluster | None, *, migrated: bool = True) -> AsyncIterator[Database]:
    """A new one: in `cluster`, or (None) a file in `folder`, which the bot makes."""
    if cluster is None:
        yield SQLiteFile(folder / "bot.db")
        return
    async with cluster.database(migrated=migrated) as url:
        database = PostgresDatabase(url)
        try:
            yield database
        finally:
            database.close()
