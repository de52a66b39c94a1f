"""The few words of SQL that the two makes of databases write differently."""

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
    """The database's own time, in seconds since 1970, as it goes on within a transaction."""

    type = Float()
    inherit_cache = True


@compiles(DatabaseClock, "sqlite")
def _julian(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseClock, "postgresql")
def _epoch(*_: object, **__: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


class unindexed(FunctionElement[Any]):
    """A column by which the database shall neither search nor sort with an index, for another one is right.

    Without statistics SQLite's planner takes all indexes for equally good, and would walk a whole history in the order
    that is wanted rather than sort the few rows that are left; PostgreSQL's is right mostly, but not for all values.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unindexed, "sqlite")
def _plus(element: unindexed, compiler: SQLCompiler, **words: Any) -> str:  # noqa: ANN401 (SQLAlchemy's own)
    return "+" + compiler.process(element.clauses, **words)  # (sqlite.org, The SQLite Query Optimizer Overview, 4)


@compiles(unindexed)
def _wrapped(element: unindexed, compiler: SQLCompiler, **words: Any) -> str:  # noqa: ANN401
    column = compiler.process(element.clauses, **words)
    return f"COALESCE({column}, {column})"


def to_json(value: object) -> str:
    """JSON without NUL characters, which PostgreSQL keeps in JSON but can never read out of it."""
    return json.dumps(_without_nul(value))


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(each) for name, each in value.items()}
    return value


def insert_into(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that may say what happens ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def upsert(
    connection: AsyncConnection,
    table: Table,
    key: Mapping[str, object],
    changes: Mapping[str, Any],
    fresh: Mapping[str, Any] | None = None,
) -> None:
    """Write `changes` into the row with this `key`; one that is not there yet begins with `fresh`, if that differs."""
    row = insert_into(connection, table).values({**key, **(fresh or changes)})
    await connection.execute(row.on_conflict_do_update(index_elements=list(key), set_=dict(changes)))
