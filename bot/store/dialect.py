"""The few words of SQL that the two makes of databases write differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Float, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class clock(FunctionElement[float]):
    """The database's own time, in seconds since 1970, as it goes on within a transaction."""

    type = Float()
    inherit_cache = True


@compiles(clock, "sqlite")
def _julian(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(clock, "postgresql")
def _epoch(*_: object, **__: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


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
