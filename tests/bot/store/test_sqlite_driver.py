"""The SQLite driver, which subclasses aiosqlite on private attributes: a new aiosqlite that breaks it fails here."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store.engines.sqlite_driver import Connection

TABLE = Table(
    "things", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text, unique=True, nullable=False)
)


class CountingConnection(Connection):
    """Counts the calls to the connection's thread."""

    calls = 0

    async def _execute(self, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
        self.calls += 1
        return await super()._execute(fn, *args, **options)  # type: ignore[no-untyped-call]


def connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.create_function("thread_id", 0, threading.get_ident)
    return connection


async def open_connection(file: Path) -> CountingConnection:
    connection = CountingConnection(partial(connect, file))
    await connection
    return connection


async def test_the_private_attributes_are_what_the_driver_needs(tmp_path: Path) -> None:
    """`_thread` starts only on awaiting, `_conn` is sqlite3's connection, `_execute` runs a function in that thread."""
    connection = CountingConnection(partial(connect, tmp_path / "bot.db"))
    assert isinstance(connection._thread, threading.Thread)
    assert connection._thread.daemon
    assert not connection._thread.is_alive()
    assert inspect.iscoroutinefunction(aiosqlite.Connection._execute)
    assert list(inspect.signature(aiosqlite.Connection._execute).parameters)[:3] == ["self", "fn", "args"]
    await connection
    try:
        assert connection._thread.is_alive()
        assert isinstance(connection._conn, sqlite3.Connection)
        assert await connection._execute(threading.get_ident) == connection._thread.ident
    finally:
        await connection.close()
    connection._thread.join(5)
    assert not connection._thread.is_alive()


async def test_a_statement_is_one_hop(tmp_path: Path) -> None:
    """BEGIN, execute, fetch and close are one hop in the connection's own thread, COMMIT is the second, and no more."""
    connection = await open_connection(tmp_path / "bot.db")
    try:
        connection.begin_lazily("BEGIN IMMEDIATE")
        cursor = await connection.cursor().execute("SELECT thread_id(), ?", (7,))
        assert await cursor.fetchall() == [(connection._thread.ident, 7)]
        assert (connection.calls, connection.in_transaction) == (1, True)
        await connection.commit()
        assert (connection.calls, connection.in_transaction) == (2, False)
        await connection.commit()
        await connection.rollback()
        connection.begin_lazily("BEGIN")
        await connection.rollback()
        assert (connection.calls, connection.in_transaction) == (2, False)
    finally:
        await connection.close()


async def test_the_loop_runs_while_a_statement_does(tmp_path: Path) -> None:
    """A statement that waits for another thread does not block the event loop, and its error reaches the caller."""
    connection = await open_connection(tmp_path / "bot.db")
    reached, release = threading.Event(), threading.Event()

    def wait() -> int:
        reached.set()
        assert release.wait(10)
        return 1

    try:
        await connection.create_function("wait", 0, wait)
        waiting = asyncio.create_task(connection.cursor().execute("SELECT wait()"))
        await asyncio.to_thread(reached.wait, 10)
        assert not waiting.done()
        release.set()
        assert await (await waiting).fetchall() == [(1,)]
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await connection.cursor().execute("SELECT * FROM missing")
    finally:
        await connection.close()


async def use(engine: AsyncEngine) -> list[object]:
    """Everything that SQLAlchemy asks of a cursor, in committed, failed and rolled back transactions."""
    seen: list[object] = []
    async with engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
        added = await connection.execute(insert(TABLE).values(name="one").returning(TABLE))
        seen += [tuple(added.one()), list(added.keys())]
        seen.append((await connection.execute(insert(TABLE), [{"name": "two"}, {"name": "three"}])).rowcount)
        plain = await connection.execute(insert(TABLE).values(name="four"))
        seen.append(plain.inserted_primary_key)
    with pytest.raises(IntegrityError):
        await add_twice(engine)
    async with engine.connect() as connection:
        seen.append((await connection.execute(update(TABLE).where(TABLE.c.id > 1).values(name=TABLE.c.name))).rowcount)
        await connection.rollback()
        seen.append([tuple(row) for row in await connection.execute(select(TABLE).order_by(TABLE.c.id))])
    await engine.dispose()
    return seen


async def add_twice(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(TABLE).values(name="five"))
        await connection.execute(insert(TABLE).values(name="one"))


async def test_sqlalchemy_sees_what_the_stock_driver_shows(tmp_path: Path) -> None:
    """Rows, keys, counts and generated ids are those of aiosqlite's own connection, after errors and rollbacks too."""

    async def create(file: Path) -> Connection:
        connection = Connection(partial(sqlite3.connect, file))
        await connection
        return connection

    creator: Callable[[], Awaitable[Any]] = partial(create, tmp_path / "ours.db")
    ours = await use(create_async_engine("sqlite+aiosqlite://", async_creator=creator))
    stock = await use(create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/stock.db"))
    assert ours == stock
    assert ours[-1] == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
