"""Moves a SQLite database to PostgreSQL. Wherever this is interrupted, only one of the two can be used afterwards.

The file is marked before anything is committed in PostgreSQL, and a bot refuses a marked file: two bots on two copies
of the same tasks would pay for them twice. All rows are copied in one transaction, together with the same mark. So if
the mark is in the file but not in PostgreSQL, nothing was copied, and the move can be repeated.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import URL, Connection, Row, Table, create_engine, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.admin.restore import HAS_WORK_LEFT
from bot.store.engines import postgres
from bot.store.engines.base import Lock
from bot.store.engines.open import parse_url
from bot.store.engines.sqlite import exclusive_lock
from bot.store.engines.sqlite_file import MOVED, copy_database, fsync, read_moved_marker, read_version, set_moved_marker
from bot.store.errors import StoreUnusable
from bot.store.shares import shares, showcases
from bot.store.tables import deleted_usage, members, notes, preferences, servers, tasks

_TABLES = (tasks, servers, members, preferences, deleted_usage, shares, showcases, notes)
"""The tables that are copied. Leases, circuit breakers and rate limiters start anew on PostgreSQL."""
_WITH_SEQUENCE = (tasks, shares)
_BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class MoveResult:
    """The result of a move."""

    tasks: int
    unfinished: int
    """How many of these have something left to do; the bot on PostgreSQL continues them."""
    kept: Path
    """Where the SQLite file is now."""


def move(file: Path, url: str) -> MoveResult:
    """Move everything in the SQLite `file` to the empty PostgreSQL database at `url`. Blocks. Raises StoreUnusable.

    After an error the file can be used as before, unless the connection broke during the commit: then repeat the move.
    """
    address = parse_url(url)
    if address.drivername != "postgresql+asyncpg":
        raise StoreUnusable("DATABASE_URL must name the PostgreSQL database to move to: postgresql+asyncpg://….")
    if not file.is_file():
        raise StoreUnusable(f"There is no file {file}: name the SQLite database to move.")
    if read_version(file) is None:
        raise StoreUnusable(f"{file} is not a database of this bot: name the database to move.")
    with exclusive_lock(file):
        copy = file.with_name(f"{file.name}.moving")
        copy.unlink(missing_ok=True)
        try:
            copy_database(file, copy)
            schema.migrate_copy(copy, f"{file}")
            total, unfinished = asyncio.run(_move_rows(file, copy, address))
        except (SQLAlchemyError, OSError, sqlite3.Error) as error:
            raise StoreUnusable(f"The move failed ({_describe(error)}): fix this, and repeat the move.") from error
        finally:
            copy.unlink(missing_ok=True)
        return MoveResult(total, unfinished, _rename_file(file))


async def _move_rows(file: Path, copy: Path, address: URL) -> tuple[int, int]:
    old_marker = read_moved_marker(file)
    async with postgres.open_postgres(address) as database, database.write_transaction(Lock.MIGRATION) as connection:
        if not await _is_already_moved(connection, old_marker):
            set_moved_marker(file, marker := old_marker or uuid4().hex)
            try:
                await _copy_rows(connection, copy, marker)
            except BaseException:
                set_moved_marker(file, old_marker)
                raise
        total, unfinished = (await connection.execute(select(func.count(), _UNFINISHED_COUNT).select_from(tasks))).one()
        return total, unfinished


_UNFINISHED_COUNT = func.count().filter(HAS_WORK_LEFT)


async def _is_already_moved(connection: AsyncConnection, marker: str | None) -> bool:
    """Return whether an earlier move copied everything. Raises StoreUnusable if the database holds other rows."""
    found = await connection.scalar(select(notes.c.value).where(notes.c.name == MOVED))
    if found is not None and found == marker:
        return True
    for table in _TABLES:
        if await connection.scalar(select(func.count()).select_from(table)):
            raise StoreUnusable(
                "The PostgreSQL database is not empty, because a bot has used it: create a new one, and name that one."
            )
    return False


async def _copy_rows(connection: AsyncConnection, copy: Path, marker: str) -> None:
    engine = create_engine(URL.create("sqlite", database=str(copy)))
    try:
        with engine.connect() as old:
            for table in _TABLES:
                for rows in _read_rows(old, table):
                    await connection.execute(insert(table), rows)
            for table in _WITH_SEQUENCE:
                await _advance_sequence(connection, table, _read_latest_id(old, table))
    finally:
        engine.dispose()
    await connection.execute(insert(notes).values(name=MOVED, value=marker))


def _read_rows(old: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    query = select(table) if table is not notes else select(notes).where(notes.c.name != MOVED)
    for rows in old.execute(query).partitions(_BATCH_SIZE):
        yield [_remove_holder(row) for row in rows]


def _remove_holder(row: Row[Any]) -> dict[str, Any]:
    """Clear the holder, because that process no longer exists."""
    return {name: None if name == "holder" else value for name, value in row._mapping.items()}


def _read_latest_id(old: Connection, table: Table) -> int:
    """Return the latest id ever used, which buttons in Discord may carry even if its row was deleted."""
    query = text("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = :name")
    return int(old.execute(query, {"name": table.name}).scalar_one())


async def _advance_sequence(connection: AsyncConnection, table: Table, latest: int) -> None:
    if latest:
        await connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), latest)))


def _rename_file(file: Path) -> Path:
    moved = file.with_name(f"{file.name}.moved")
    for ending in ("-wal", "-shm"):
        beside = file.with_name(file.name + ending)
        if beside.exists():
            beside.replace(moved.with_name(moved.name + ending))
    file.replace(moved)
    fsync(file.absolute().parent)
    return moved


def _describe(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
