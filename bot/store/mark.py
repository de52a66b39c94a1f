"""The mark in a SQLite file whose tasks are PostgreSQL's now, or are about to be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bot.store.errors import StoreUnusable
from bot.store.sqlite_file import reading, version_of, writing

MOVED = "moved to PostgreSQL"
"""The note that says so; its value is the same on both sides."""


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
