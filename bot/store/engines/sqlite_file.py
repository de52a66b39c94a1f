"""A SQLite database as a file: copied whole while it is in use, and looked at without being changed.

By SQLite's own backup (sqlite.org, Online Backup API): a copy of the file alone would lack what stands in its
write-ahead log.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.store.errors import StoreUnusable

_BUSY_SECONDS = 5.0

MOVED = "moved to PostgreSQL"
"""The note that says so; its value is the same on both sides."""


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write. Raises sqlite3.Error."""
    with closing(_connected(file, "ro")) as connection:
        yield connection


@contextmanager
def writing(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that exists. Raises sqlite3.Error."""
    with closing(_connected(file, "rw")) as connection:
        yield connection


def _connected(file: Path, mode: str) -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)


def version_of(file: Path) -> str | None:
    """The version of the bot's tables in it; None if it has none. Raises StoreUnusable if it is no database."""
    try:
        with reading(file) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
    except sqlite3.Error as error:
        raise StoreUnusable(f"{file} cannot be read as a database: {error}.") from error


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, sound and on the disk, for its owner's eyes alone.

    Writers go on meanwhile. Raises StoreUnusable, and leaves nothing behind then; FileExistsError if there is a target.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with reading(source) as old, writing(target) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            _check_sound(new, source)
        fsync(target)
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise StoreUnusable(f"{source} cannot be copied to {target}: {error}.") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _check_sound(copied: sqlite3.Connection, source: Path) -> None:
    (verdict,) = copied.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreUnusable(f"{source} is damaged: {verdict}.")


def fsync(path: Path) -> None:
    """Have a file, or a folder's list of files, on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_moved_marker(file: Path, name: str | None) -> None:
    """Mark it, and no bot opens it any more; or take the mark away. Raises sqlite3.Error."""
    with writing(file) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        if name is None:
            connection.execute("DELETE FROM notes WHERE name = ?", (MOVED,))
            return
        connection.execute("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", (MOVED, name))


def moved_marker(file: Path) -> str | None:
    """The mark, if there is one. Raises StoreUnusable if this is no database."""
    if not file.is_file() or file.stat().st_size == 0 or version_of(file) is None:
        return None
    try:
        with reading(file) as connection:
            row = connection.execute("SELECT value FROM notes WHERE name = ?", (MOVED,)).fetchone()
    except sqlite3.Error as error:
        raise StoreUnusable(f"{file} cannot be read as a database: {error}.") from error
    return str(row[0]) if row else None


def refuse_moved(file: Path) -> None:
    """Raise StoreUnusable if its tasks are PostgreSQL's: a bot on each of the two would pay for them twice."""
    if moved_marker(file) is not None:
        raise StoreUnusable(
            f"{file} was moved to PostgreSQL: set DATABASE_URL to that. "
            f"(If the move was interrupted, run python -m bot move {file} again.)"
        )
