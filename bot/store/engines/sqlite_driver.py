"""An aiosqlite connection that crosses to its thread once for each statement.

aiosqlite runs everything in a thread of the connection's own. Crossing to it and back takes longer than most of our
statements, and SQLAlchemy asks it to make a cursor, to execute, to fetch and to close, each with a crossing of its own.
Here a cursor does all four at once, BEGIN goes along with the first statement, and nothing is rolled back where
nothing is open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import aiosqlite


@dataclass(frozen=True, slots=True)
class _StatementResult:
    """What a statement left behind, with all its rows."""

    description: Any
    rowcount: int
    lastrowid: int | None
    rows: list[Any]


class Connection(aiosqlite.Connection):
    """What SQLAlchemy gets in place of aiosqlite's own."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        """`connector` opens the file; it is called in the connection's thread."""
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True  # as SQLAlchemy does it for aiosqlite's own
        self._begin: str | None = None

    def begin_lazily(self, statement: str) -> None:
        """Begin a transaction by `statement`, together with the next one."""
        self._begin = statement

    def cursor(self) -> Cursor:  # type: ignore[override]  # SQLAlchemy enters what this returns, and awaits that
        """A new cursor."""
        return Cursor(self)

    async def commit(self) -> None:
        """End the transaction, if one was begun."""
        self._begin = None
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        """Undo the transaction, if one was begun."""
        self._begin = None
        if self.in_transaction:
            await super().rollback()

    async def run(self, statement: str, values: Any, *, many: bool) -> _StatementResult:  # noqa: ANN401 (as the driver takes them)
        """Execute `statement` and fetch all of its rows."""
        result: _StatementResult = await self._execute(self._run_in_thread, statement, values, many)  # type: ignore[no-untyped-call]
        return result

    def _run_in_thread(self, statement: str, values: Any, many: bool) -> _StatementResult:  # noqa: ANN401
        """The same in the connection's thread."""
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
    """As much of an asynchronous DB-API cursor as SQLAlchemy uses."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._result = _StatementResult(None, -1, None, [])

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:  # noqa: ANN401 (sqlite3's own)
        """The columns of the rows, if the statement has any."""
        return self._result.description

    @property
    def rowcount(self) -> int:
        """The rows that were changed."""
        return self._result.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The id of the row that was inserted last."""
        return self._result.lastrowid

    async def execute(self, statement: str, values: Any = ()) -> Self:  # noqa: ANN401
        """Execute one statement."""
        self._result = await self._connection.run(statement, values, many=False)
        return self

    async def executemany(self, statement: str, values: Any) -> Self:  # noqa: ANN401
        """Execute it for each of `values`."""
        self._result = await self._connection.run(statement, values, many=True)
        return self

    async def fetchall(self) -> list[Any]:
        """All rows, which are here already."""
        return self._result.rows

    async def close(self) -> None:
        """Nothing is open."""
