"""SQL that SQLite and PostgreSQL write differently."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Float, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class DatabaseClock(FunctionElement[float]):
    """The database's current time in seconds since 1970. It advances within a transaction."""

    type = Float()
    inherit_cache = True


@compiles(DatabaseClock, "sqlite")
def _compile_sqlite_clock(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseClock, "postgresql")
def _compile_postgres_clock(*_: object, **__: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


class unindexed(FunctionElement[Any]):
    """A column for which the database must not use an index, because another index is better.

    Without statistics, SQLite's planner takes all indexes to be equally good, and would read a whole history in the
    wanted order instead of sorting a few rows. PostgreSQL's planner is usually right, but not for all values.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unindexed, "sqlite")
def _compile_for_sqlite(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (SQLAlchemy's own)
    return "+" + compiler.process(element.clauses, **options)  # sqlite.org, The SQLite Query Optimizer Overview, 4


@compiles(unindexed)
def _compile_default(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    column = compiler.process(element.clauses, **options)
    return f"COALESCE({column}, {column})"


def to_json(value: object) -> str:
    """Serialise to JSON without NUL characters, which PostgreSQL stores in JSON but cannot extract as text."""
    return json.dumps(_strip_nul(value))


def _strip_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_strip_nul(each) for each in value]
    if isinstance(value, dict):
        return {_strip_nul(name): _strip_nul(each) for name, each in value.items()}
    return value


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that supports ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def upsert(
    connection: AsyncConnection,
    table: Table,
    key: Mapping[str, object],
    changes: Mapping[str, Any],
    new: Mapping[str, Any] | None = None,
) -> None:
    """Write `changes` to the row with this `key`, or insert the row with `new` (default: `changes`)."""
    row = insert_into(connection, table).values({**key, **(new or changes)})
    await connection.execute(row.on_conflict_do_update(index_elements=list(key), set_=dict(changes)))
