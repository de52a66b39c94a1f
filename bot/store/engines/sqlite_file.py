"""Copies and inspects a SQLite file while a bot uses it.

Copies are made with SQLite's Online Backup API (sqlite.org), because the file alone lacks the contents of its
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
"""The name of the note that marks a moved database. Its value is the same in the file and in PostgreSQL."""


@contextmanager
def open_readonly(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection that cannot write. Raises sqlite3.Error."""
    with closing(_connect(file, "ro")) as connection:
        yield connection


@contextmanager
def open_writable(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection to a file that exists. Raises sqlite3.Error."""
    with closing(_connect(file, "rw")) as connection:
        yield connection


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)


def read_version(file: Path) -> str | None:
    """Return the version of the bot's tables, None if there are none. Raises StoreUnusable if it is not a database."""
    try:
        with open_readonly(file) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else None
    except sqlite3.Error as error:
        raise StoreUnusable(f"{file} cannot be read as a database: {error}.") from error


def copy_database(source: Path, target: Path) -> None:
    """Copy a consistent snapshot of a database into a new file of mode 0600, checked and flushed to disk.

    Writers are not blocked. Raises StoreUnusable, after which no target is left, and FileExistsError if it existed.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with open_readonly(source) as old, open_writable(target) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            _check_integrity(new, source)
        fsync(target)
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise StoreUnusable(f"{source} cannot be copied to {target}: {error}.") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _check_integrity(copy: sqlite3.Connection, source: Path) -> None:
    (finding,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise StoreUnusable(f"{source} is damaged: {finding}.")


def fsync(path: Path) -> None:
    """Flush a file, or a folder's directory entries, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_moved_marker(file: Path, marker: str | None) -> None:
    """Mark the file as moved, so that no bot opens it, or remove the mark (None). Raises sqlite3.Error."""
    with open_writable(file) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        if marker is None:
            connection.execute("DELETE FROM notes WHERE name = ?", (MOVED,))
            return
        connection.execute("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", (MOVED, marker))


def read_moved_marker(file: Path) -> str | None:
    """Return the mark of a moved file, or None. Raises StoreUnusable if it is not a database."""
    if not file.is_file() or file.stat().st_size == 0 or read_version(file) is None:
        return None
    try:
        with open_readonly(file) as connection:
            row = connection.execute("SELECT value FROM notes WHERE name = ?", (MOVED,)).fetchone()
    except sqlite3.Error as error:
        raise StoreUnusable(f"{file} cannot be read as a database: {error}.") from error
    return str(row[0]) if row else None


def refuse_moved(file: Path) -> None:
    """Raise StoreUnusable if the file was moved: a bot on it and one on PostgreSQL would both pay for its tasks."""
    if read_moved_marker(file) is not None:
        raise StoreUnusable(
            f"{file} was moved to PostgreSQL: set DATABASE_URL to the PostgreSQL database. "
            f"If the move was interrupted, run python -m bot move {file} again."
        )
