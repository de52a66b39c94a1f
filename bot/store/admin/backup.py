"""A copy of the database for a bad day, made while the bot works."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, create_engine, func, select

from bot.store import schema
from bot.store.admin.restore import UNSETTLED
from bot.store.engines.open import sqlite_path
from bot.store.engines.sqlite_file import copy_database, fsync, version_of
from bot.store.errors import StoreUnusable
from bot.store.tables import tasks


@dataclass(frozen=True, slots=True)
class BackupResult:
    """What is in a backup."""

    bytes: int
    unfinished: int | None
    """Tasks with something left to do; None for a database of an older version, whose rows are not read."""


def back_up(url: str, target: Path) -> BackupResult:
    """Copy the database at `url` as it is at this moment into the new file `target`; raises StoreUnusable. Blocks.

    Files of DATA_DIR are not in it: what they hold is made again from FoxAPI's links, or is a kept film.
    """
    file = sqlite_path(url)
    if not file.is_file():
        raise StoreUnusable(f"There is no database at {file}: check DATABASE_URL.")
    if version_of(file) is None:
        raise StoreUnusable(f"{file} is not a database of this bot: check DATABASE_URL.")
    try:
        _copy_whole(file, target)
    except FileExistsError:
        raise StoreUnusable(f"{target} exists, and is not overwritten: name a new file.") from None
    except OSError as error:
        raise StoreUnusable(f"The backup cannot be written to {target}: {error.strerror}.") from error
    return BackupResult(target.stat().st_size, _unfinished(target))


def _copy_whole(file: Path, target: Path) -> None:
    """A backup under its final name is a whole one, also when this process is killed."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    if target.exists() or target.is_symlink():
        raise FileExistsError
    copy_database(file, part)
    try:
        target.hardlink_to(part)  # unlike a rename, this overwrites nothing that has come there meanwhile
    except FileExistsError:
        raise
    except OSError:  # not every file system has hard links
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    fsync(target.absolute().parent)


def _unfinished(copied: Path) -> int | None:
    if version_of(copied) != schema.head_revision():
        return None
    engine = create_engine(URL.create("sqlite", database=str(copied)))
    try:
        with engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(tasks).where(UNSETTLED)).scalar_one()
    finally:
        engine.dispose()
