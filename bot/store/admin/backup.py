"""Backs up a SQLite database while the bot runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, create_engine, func, select

from bot.store import schema
from bot.store.admin.restore import HAS_WORK_LEFT
from bot.store.engines.open import find_sqlite_path
from bot.store.engines.sqlite_file import copy_database, fsync, read_version
from bot.store.errors import StoreUnusable
from bot.store.tables import tasks


@dataclass(frozen=True, slots=True)
class BackupResult:
    """The contents of a backup."""

    bytes: int
    unfinished: int | None
    """Tasks with something left to do. None for a database of an older version, whose rows are not read."""


def back_up(url: str, target: Path) -> BackupResult:
    """Copy a snapshot of the database at `url` into the new file `target`. Blocks. Raises StoreUnusable.

    Files in DATA_DIR are not included: they are stored videos, or can be made again from FoxAPI's links.
    """
    file = find_sqlite_path(url)
    if not file.is_file():
        raise StoreUnusable(f"There is no database at {file}: check DATABASE_URL.")
    if read_version(file) is None:
        raise StoreUnusable(f"{file} is not a database of this bot: check DATABASE_URL.")
    try:
        _copy_atomically(file, target)
    except FileExistsError:
        raise StoreUnusable(f"{target} exists and is not overwritten: name a new file.") from None
    except OSError as error:
        raise StoreUnusable(f"The backup cannot be written to {target}: {error.strerror}.") from error
    return BackupResult(target.stat().st_size, _count_unfinished(target))


def _copy_atomically(file: Path, target: Path) -> None:
    """Copy so that a backup under its final name is complete, even if this process is killed."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    if target.exists() or target.is_symlink():
        raise FileExistsError
    copy_database(file, part)
    try:
        target.hardlink_to(part)  # unlike a rename, this never overwrites a file
    except FileExistsError:
        raise
    except OSError:  # not every file system has hard links
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    fsync(target.absolute().parent)


def _count_unfinished(copy: Path) -> int | None:
    if read_version(copy) != schema.get_head_revision():
        return None
    engine = create_engine(URL.create("sqlite", database=str(copy)))
    try:
        with engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(tasks).where(HAS_WORK_LEFT)).scalar_one()
    finally:
        engine.dispose()
