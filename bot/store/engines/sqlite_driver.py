"""An aiosqlite connection with one thread hop for each statement.

aiosqlite runs each call in the connection's thread. A hop there and back takes longer than most of our statements, and
SQLAlchemy makes four calls for each: create a cursor, execute, fetch, close. This cursor does all four in one hop,
sends BEGIN together with the first statement, and skips commits and rollbacks when no transaction is open.

The subclass uses aiosqlite's private `_thread`, `_conn` and `_execute`. tests/bot/store/test_sqlite_driver.py fails if
a new aiosqlite changes what they do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import aiosqlite


@dataclass(frozen=True, slots=True)
class _StatementResult:
    """The result of a statement, with all its rows."""

    description: Any
    rowcount: int
    lastrowid: int | None
    rows: list[Any]


class Connection(aiosqlite.Connection):
    """The connection that SQLAlchemy gets in place of aiosqlite's."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        """`connector` opens the file; it is called in the connection's thread."""
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True  # as SQLAlchemy does for aiosqlite's connections
        self._begin: str | None = None

    def begin_lazily(self, statement: str) -> None:
        """Begin a transaction by `statement`, in the hop of the next statement."""
        self._begin = statement

    def cursor(self) -> Cursor:  # type: ignore[override]  # SQLAlchemy awaits only __aenter__
        """Return a new cursor."""
        return Cursor(self)

    async def commit(self) -> None:
        """Commit the transaction, if one was begun."""
        self._begin = None
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        """Roll the transaction back, if one was begun."""
        self._begin = None
        if self.in_transaction:
            await super().rollback()

    async def run(self, statement: str, values: Any, *, many: bool) -> _StatementResult:  # noqa: ANN401 (as sqlite3 takes them)
        """Execute `statement` and fetch all of its rows."""
        result: _StatementResult = await self._execute(self._run_in_thread, statement, values, many)  # type: ignore[no-untyped-call]
        return result

    def _run_in_thread(self, statement: str, values: Any, many: bool) -> _StatementResult:  # noqa: ANN401
        """Execute and fetch; runs in the connection's thread."""
        begin, self._begin = self._begin, None
        if begin:
            self._conn.execute(begin)
        cursor = self._conn.executemany(statement, values) if many else self._conn.execute(statement, values)
        try:
            rows = cursor.fetchall() if cursor.description else []
            return _StatementResult(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
        finally:
            cursor.close()


class Cursor:
    """The part of an asynchronous DB-API cursor that SQLAlchemy uses."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._result = _StatementResult(None, -1, None, [])

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:  # noqa: ANN401 (sqlite3's own)
        """The columns of the rows, None if the statement returns none."""
        return self._result.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return self._result.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The id of the last inserted row."""
        return self._result.lastrowid

    async def execute(self, statement: str, values: Any = ()) -> Self:  # noqa: ANN401
        """Execute one statement."""
        self._result = await self._connection.run(statement, values, many=False)
        return self

    async def executemany(self, statement: str, values: Any) -> Self:  # noqa: ANN401
        """Execute one statement for each of `values`."""
        self._result = await self._connection.run(statement, values, many=True)
        return self

    async def fetchall(self) -> list[Any]:
        """Return all rows, which were fetched with the statement."""
        return self._result.rows

    async def close(self) -> None:
        """Do nothing: the SQLite cursor is closed already."""
