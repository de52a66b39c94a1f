"""Looking at a database without making, migrating or changing it, also while a bot works on it."""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.store import schema
from bot.store.engines import postgres
from bot.store.engines.open import parse_url, sqlite_path
from bot.store.engines.sqlite import lock_of
from bot.store.engines.sqlite_file import refuse_moved, version_of, writing
from bot.store.errors import StoreUnusable


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """What a bot that starts now would find."""

    place: str
    """Its file, or its server and name there."""
    exists: bool
    upgrade_due: bool
    """It is of an older version, and the next start upgrades it."""
    in_use: bool
    """A bot works on it now."""


def inspect(url: str) -> DatabaseStatus:
    """See whether a bot could work on the database at `url`; raises StoreUnusable, which says why not. Blocks."""
    if (address := parse_url(url)).drivername == "postgresql+asyncpg":
        version = asyncio.run(postgres.version_of(address))
        return DatabaseStatus(
            postgres.location(address), exists=version is not None, upgrade_due=_needs_upgrade(version), in_use=False
        )
    file = sqlite_path(url)
    if not file.exists():
        _check_folder(file.parent)
        return DatabaseStatus(str(file), exists=False, upgrade_due=False, in_use=False)
    refuse_moved(file)
    due = _needs_upgrade(version_of(file))
    _check_room(file.parent)
    _check_writable(file)
    return DatabaseStatus(str(file), exists=True, upgrade_due=due, in_use=_in_use(file))


def _needs_upgrade(version: str | None) -> bool:
    """Whether a database of that version (None: a new one) is to be upgraded; raises StoreUnusable if it is newer."""
    if version is not None and not schema.is_known(version):
        raise StoreUnusable(f"The database {schema.NEWER}")
    return version is not None and version != schema.head_revision()


def _check_folder(folder: Path) -> None:
    """Whether the folder, or what of its way exists, lets a file be made; nothing is made."""
    there = next((each for each in (folder.absolute(), *folder.absolute().parents) if each.exists()), Path("/"))
    _check_room(there)


def _check_room(folder: Path) -> None:
    """Whether a file can be made there: one is, for a moment."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StoreUnusable(f"Cannot write to the database's folder {folder} ({error.strerror}).") from error


def _check_writable(file: Path) -> None:
    try:
        with writing(file) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise StoreUnusable(f"{file} cannot be written: {error}.") from error


def _in_use(file: Path) -> bool:
    try:
        with lock_of(file).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no lock file: no bot has ever worked here
    return False
