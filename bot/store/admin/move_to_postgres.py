"""From a SQLite file to PostgreSQL, once: afterwards only one of the two can be used, wherever this is interrupted.

The file is marked before anything stands in PostgreSQL for good, and a marked file is not opened by a bot: two bots on
two copies of the same tasks would pay for them twice. All rows come over in one transaction, and the same mark with
them. So whoever finds the mark in the file and not in PostgreSQL knows that nothing has come over, and moves again.
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
from bot.store.admin.restore import UNSETTLED
from bot.store.engines import postgres
from bot.store.engines.base import Lock
from bot.store.engines.open import parse_url
from bot.store.engines.sqlite import exclusive_lock
from bot.store.engines.sqlite_file import MOVED, copy_database, fsync, moved_marker, set_moved_marker, version_of
from bot.store.errors import StoreUnusable
from bot.store.shares import shares, showcases
from bot.store.tables import deleted_usage, members, notes, preferences, servers, tasks

_TABLES = (tasks, servers, members, preferences, deleted_usage, shares, showcases, notes)
"""What is kept; who works on what, and what is paused, is for the processes on PostgreSQL to find out."""
_NUMBERED = (tasks, shares)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class MoveResult:
    """What a move has done."""

    tasks: int
    unfinished: int
    """Of these, those with something left to do: the bot on PostgreSQL goes on with them."""
    kept: Path
    """Where the file is now."""


def move(file: Path, url: str) -> MoveResult:
    """Bring everything in the SQLite `file` to the empty PostgreSQL database at `url`; raises StoreUnusable. Blocks.

    When it raises, the file can be used as before; unless PostgreSQL went away at the very end: then only moved again.
    """
    address = parse_url(url)
    if address.drivername != "postgresql+asyncpg":
        raise StoreUnusable("DATABASE_URL must name the PostgreSQL database to move to: postgresql+asyncpg://….")
    if not file.is_file():
        raise StoreUnusable(f"There is no file {file}: name the SQLite database that is to be moved.")
    if version_of(file) is None:
        raise StoreUnusable(f"{file} is not a database of this bot: name the one that is to be moved.")
    with exclusive_lock(file):
        fresh = file.with_name(f"{file.name}.moving")
        fresh.unlink(missing_ok=True)
        try:
            copy_database(file, fresh)
            schema.migrate_copy(fresh, f"{file}")
            total, unfinished = asyncio.run(_moved(file, fresh, address))
        except (SQLAlchemyError, OSError, sqlite3.Error) as error:
            raise StoreUnusable(f"The move did not succeed ({_short(error)}): mend that, and move again.") from error
        finally:
            fresh.unlink(missing_ok=True)
        return MoveResult(total, unfinished, _put_aside(file))


async def _moved(file: Path, fresh: Path, address: URL) -> tuple[int, int]:
    before = moved_marker(file)
    async with postgres.opened(address) as database, database.write_transaction(Lock.MIGRATION) as connection:
        if not await _already_moved(connection, before):
            set_moved_marker(file, name := before or uuid4().hex)
            try:
                await _copy_rows(connection, fresh, name)
            except BaseException:
                set_moved_marker(file, before)
                raise
        total, unfinished = (await connection.execute(select(func.count(), _UNFINISHED).select_from(tasks))).one()
        return total, unfinished


_UNFINISHED = func.count().filter(UNSETTLED)


async def _already_moved(connection: AsyncConnection, before: str | None) -> bool:
    """Whether an earlier move has come to its end, but for the file's name. Raises StoreUnusable for others' rows."""
    there = await connection.scalar(select(notes.c.value).where(notes.c.name == MOVED))
    if there is not None and there == before:
        return True
    for table in _TABLES:
        if await connection.scalar(select(func.count()).select_from(table)):
            raise StoreUnusable(
                "The PostgreSQL database is not empty: a bot has used it already. Make a new one, and name that."
            )
    return False


async def _copy_rows(connection: AsyncConnection, fresh: Path, name: str) -> None:
    engine = create_engine(URL.create("sqlite", database=str(fresh)))
    try:
        with engine.connect() as old:
            for table in _TABLES:
                for rows in _rows(old, table):
                    await connection.execute(insert(table), rows)
            for table in _NUMBERED:
                await _advance_numbering(connection, table, _latest_number(old, table))
    finally:
        engine.dispose()
    await connection.execute(insert(notes).values(name=MOVED, value=name))


def _rows(old: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    wanted = select(table) if table is not notes else select(notes).where(notes.c.name != MOVED)
    for some in old.execute(wanted).partitions(_AT_ONCE):
        yield [_without_holder(row) for row in some]


def _without_holder(row: Row[Any]) -> dict[str, Any]:
    """The process that had it is no more, and PostgreSQL would not know it."""
    return {name: None if name == "holder" else value for name, value in row._mapping.items()}


def _latest_number(old: Connection, table: Table) -> int:
    """The latest number that was ever given out: buttons in Discord carry them, also those of deleted rows."""
    wanted = text("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = :name")
    return int(old.execute(wanted, {"name": table.name}).scalar_one())


async def _advance_numbering(connection: AsyncConnection, table: Table, latest: int) -> None:
    if latest:
        await connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), latest)))


def _put_aside(file: Path) -> Path:
    kept = file.with_name(f"{file.name}.moved")
    for ending in ("-wal", "-shm"):
        beside = file.with_name(file.name + ending)
        if beside.exists():
            beside.replace(kept.with_name(kept.name + ending))
    file.replace(kept)
    fsync(file.absolute().parent)
    return kept


def _short(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
