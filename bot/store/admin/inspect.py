"""Inspects a database without creating, migrating or changing it, even while a bot uses it."""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.store import schema
from bot.store.engines import postgres
from bot.store.engines.open import find_sqlite_path, parse_url
from bot.store.engines.sqlite import lock_path
from bot.store.engines.sqlite_file import open_writable, read_version, refuse_moved
from bot.store.errors import StoreUnusable


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """The state in which a bot that starts now would find the database."""

    place: str
    """The file, or the server and the database's name."""
    exists: bool
    upgrade_due: bool
    """The database is of an older version, and the next start upgrades it."""
    in_use: bool
    """A bot uses the database now."""


def inspect(url: str) -> DatabaseStatus:
    """Check whether a bot could use the database at `url`. Blocks. Raises StoreUnusable, which says why not."""
    if (address := parse_url(url)).drivername == "postgresql+asyncpg":
        version = asyncio.run(postgres.read_version(address))
        return DatabaseStatus(
            postgres.get_location(address),
            exists=version is not None,
            upgrade_due=_needs_upgrade(version),
            in_use=False,
        )
    file = find_sqlite_path(url)
    if not file.exists():
        _check_folder(file.parent)
        return DatabaseStatus(str(file), exists=False, upgrade_due=False, in_use=False)
    refuse_moved(file)
    upgrade_due = _needs_upgrade(read_version(file))
    _check_can_create(file.parent)
    _check_writable(file)
    return DatabaseStatus(str(file), exists=True, upgrade_due=upgrade_due, in_use=_is_in_use(file))


def _needs_upgrade(version: str | None) -> bool:
    """Return whether a database of this version (None: new) needs an upgrade. Raises StoreUnusable if it is newer."""
    if version is not None and not schema.is_known(version):
        raise StoreUnusable(f"The database {schema.NEWER}")
    return version is not None and version != schema.get_head_revision()


def _check_folder(folder: Path) -> None:
    """Check that the folder, or its nearest existing parent, is writable, without creating the folder."""
    nearest = next((each for each in (folder.absolute(), *folder.absolute().parents) if each.exists()), Path("/"))
    _check_can_create(nearest)


def _check_can_create(folder: Path) -> None:
    """Check that a file can be created in the folder, by creating a temporary one."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StoreUnusable(f"Cannot write to the database's folder {folder} ({error.strerror}).") from error


def _check_writable(file: Path) -> None:
    try:
        with open_writable(file) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise StoreUnusable(f"{file} cannot be written: {error}.") from error


def _is_in_use(file: Path) -> bool:
    try:
        with lock_path(file).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no lock file: no bot has ever used this database
    return False
