"""SQLite: a file that one process locks, with parallel readers and one writer at a time."""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.store.engines import sqlite_driver
from bot.store.engines.base import Database
from bot.store.engines.dialect import to_json
from bot.store.engines.sqlite_file import refuse_moved
from bot.store.engines.sqlite_upgrade import trial_upgrade
from bot.store.errors import StoreUnusable
from bot.store.schema import migrate

_BUSY_MS = 5_000
"""Less than the 10 s that a stopping bot has. Writes that must succeed are retried."""


class SQLite(Database):
    """SQLite. All locks are one: writers wait for each other."""

    shared = False

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        # SQLite itself would make writers poll, in no order, and fail after the busy time-out.
        self._writer = asyncio.Lock()

    @asynccontextmanager
    async def _write_transaction(self, _locks: tuple[int, ...]) -> AsyncIterator[AsyncConnection]:
        async with self._writer, self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def _read_transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            yield await connection.execution_options(reading=True)


@asynccontextmanager
async def open_sqlite(address: URL) -> AsyncIterator[SQLite]:
    """Lock, open and migrate the file. Raises StoreUnusable."""
    if not address.database:
        raise StoreUnusable("DATABASE_URL must name a file, such as sqlite+aiosqlite:///data/bot.db.")
    file = Path(address.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(f"Cannot create the database's folder {file.parent}: {error.strerror}.") from error
    with exclusive_lock(file):
        await asyncio.to_thread(refuse_moved, file)
        await asyncio.to_thread(trial_upgrade, file)
        engine = create_async_engine(
            address, async_creator=partial(_connect, file), hide_parameters=True, json_serializer=to_json
        )
        event.listen(engine.sync_engine, "connect", _configure)
        event.listen(engine.sync_engine, "begin", _begin)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(migrate)
            yield SQLite(engine)
        finally:
            await engine.dispose()


def lock_path(file: Path) -> Path:
    """Return the file that a running bot locks."""
    return file.with_name(file.name + ".lock")


@contextmanager
def exclusive_lock(file: Path) -> Iterator[None]:
    """Lock the database, because a second bot would do and pay for the same work. Raises StoreUnusable."""
    try:
        holder = lock_path(file).open("w")
    except OSError as error:
        raise StoreUnusable(f"Cannot write to the database's folder {file.parent}: {error.strerror}.") from error
    with holder:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreUnusable(f"Another bot is already running on {file}: stop it first.") from None
        yield


async def _connect(file: Path) -> sqlite_driver.Connection:
    connection = sqlite_driver.Connection(partial(sqlite3.connect, file, timeout=_BUSY_MS / 1000))
    await connection
    return connection


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 (a DBAPI connection has no common type)
    connection.isolation_level = None  # sqlite3 must not begin transactions by itself: _begin does
    cursor = connection.cursor()
    durable = ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", f"busy_timeout={_BUSY_MS}")
    for pragma in (*durable, "secure_delete=ON"):  # deleted data must not remain readable in the file
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin without a lock for reading; lock at once for writing, so that what was read is still true on writing."""
    reading = connection.get_execution_options().get("reading")
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite_driver.Connection)  # noqa: S101 - _connect made it
    driver.begin_lazily("BEGIN" if reading else "BEGIN IMMEDIATE")
