"""A test's database on either engine, read and written beside the bot."""

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
    """A database of the bot, with direct access for the test."""

    @property
    def url(self) -> str:
        """The DATABASE_URL."""

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""


@dataclass(frozen=True)
class SQLiteFile:
    """A SQLite file, the default."""

    file: Path

    @property
    def url(self) -> str:
        return f"sqlite+aiosqlite:///{self.file}"

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        # Reading must not change the file: a closing writer would clean up what a crash has left.
        mode = "ro" if statement.lstrip().upper().startswith("SELECT") else "rw"
        with closing(sqlite3.connect(f"file:{self.file}?mode={mode}", uri=True, timeout=10)) as connection, connection:
            return connection.execute(statement).fetchall()


class PostgresDatabase:
    """A database of a cluster. Queries run in a thread, so that a test's condition can query without awaiting."""

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
    """Create a database in `cluster` or, if it is None, name a file in `folder` that the bot will create."""
    if cluster is None:
        yield SQLiteFile(folder / "bot.db")
        return
    async with cluster.database(migrated=migrated) as url:
        database = PostgresDatabase(url)
        try:
            yield database
        finally:
            database.close()
