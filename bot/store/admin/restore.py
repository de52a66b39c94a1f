"""Restores a backup without losing records of payments made since.

A backup holds tasks as they were. They may have been submitted, paid and delivered since, so a restore must not start
them again. If the replaced database can be read, its tasks and shares are merged into the restored one. If not, every
unfinished task of the backup is unverified: those that may have been submitted since become `unclear`, and the worker
looks for the others' results in Discord before it shows or posts anything (bot/worker/steps/reconcile.py).
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, and_, create_engine, delete, func, or_, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from bot.domain.task import Billed, TaskState
from bot.store import schema
from bot.store.admin import restore_merge
from bot.store.engines.open import find_sqlite_path
from bot.store.engines.sqlite import exclusive_lock
from bot.store.engines.sqlite_file import copy_database, fsync, open_writable, read_version
from bot.store.errors import StoreUnusable
from bot.store.tables import notes, tasks

log = logging.getLogger(__name__)

HAS_WORK_LEFT = or_(
    tasks.c.state.in_(TaskState.UNFINISHED),
    tasks.c.told.is_(False),
    tasks.c.ping_due.is_(True),
)
_MAYBE_SUBMITTED = (TaskState.QUEUED, TaskState.PREPARING, TaskState.SUBMITTING)
_ID_GAP = 100_000
"""How many ids a restore without the old records skips: more than tasks were started since the backup."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The result of a restore."""

    kept: Path | None
    """Where the replaced database is now. None if there was none."""
    merged: bool
    """The replaced database's tasks and shares were merged into the restored one."""
    unverified: int
    """How many unfinished tasks may have changed since the backup, unrecorded."""
    unclear: int
    """How many of these may have been submitted since. They are never submitted again."""


def restore(url: str, backup: Path, now: datetime) -> RestoreResult:
    """Replace the database at `url` by the backup; the replaced file is kept. Blocks. Raises StoreUnusable.

    After an error nothing is changed.
    """
    file = find_sqlite_path(url)
    _check_backup(backup)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(f"Cannot create the database's folder {file.parent}: {error.strerror}.") from error
    with exclusive_lock(file):
        restored, records = (file.with_name(file.name + ending) for ending in (".restoring", ".records"))
        for left in (restored, records):
            left.unlink(missing_ok=True)
        try:
            return _install(file, backup, restored, records, now)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise StoreUnusable(f"The backup was not restored, and nothing was changed: {error}.") from error
        finally:
            for left in (restored, records):
                left.unlink(missing_ok=True)


def _check_backup(backup: Path) -> None:
    if not backup.is_file():
        raise StoreUnusable(f"There is no file {backup}: name a backup.")
    version = read_version(backup)
    if version is None:
        raise StoreUnusable(f"{backup} is not a backup of this bot's database.")
    if not schema.is_known(version):
        raise StoreUnusable(f"The backup {schema.NEWER}")


def _install(file: Path, backup: Path, restored: Path, records: Path, now: datetime) -> RestoreResult:
    copy_database(backup, restored)
    schema.migrate_copy(restored, "The backup")
    is_readable = file.exists() and _copy_records(file, records)
    engine = create_engine(URL.create("sqlite", database=str(restored)))
    try:
        with engine.connect() as connection:
            if is_readable:
                connection.execute(text("ATTACH DATABASE :file AS old"), {"file": str(records)})
                connection.commit()
            orphaned_ids = _merge_records(connection) if is_readable else None
            unverified, unclear = _mark_unverified(connection, now, orphaned_ids)
            # The other notes, such as the registered commands, may be outdated.
            connection.execute(
                delete(notes).where(notes.c.name.not_in((restore_merge.UNVERIFIED_UP_TO, restore_merge.SKIPPED)))
            )
            connection.commit()
    finally:
        engine.dispose()
    fsync(restored)
    kept = _swap_files(file, restored, now)
    fsync(file.parent)
    return RestoreResult(kept, orphaned_ids is not None, unverified, unclear)


def _copy_records(file: Path, records: Path) -> bool:
    """Copy and migrate the database that is to be replaced; return False if it cannot be read."""
    try:
        copy_database(file, records)
        schema.migrate_copy(records, "The database that is replaced")
    except (StoreUnusable, SQLAlchemyError) as error:
        log.warning("the replaced database cannot be read: %s", error)
        records.unlink(missing_ok=True)
        return False
    return True


def _merge_records(connection: Connection) -> restore_merge.OrphanedIds | None:
    """Merge the old database's records if they continue the backup's; return None if they are another bot's, or older.

    Raises StoreUnusable if a database that is not merged has unfinished tasks, because these would be lost.
    """
    if restore_merge.is_continuation(connection):
        return restore_merge.replace_tasks(connection)
    if left := restore_merge.count_unfinished(connection):
        raise StoreUnusable(
            f"The current database does not continue this backup and has unfinished tasks ({left}): "
            "let the bot finish them first, or move the file away."
        )
    return None


def _mark_unverified(
    connection: Connection, now: datetime, orphaned_ids: restore_merge.OrphanedIds | None
) -> tuple[int, int]:
    """Mark the unverified tasks; return how many they are, and how many of them have become unclear."""
    is_unverified = HAS_WORK_LEFT
    if orphaned_ids is None:
        restore_merge.reserve_ids(connection, _ID_GAP)
    else:
        is_unverified = and_(HAS_WORK_LEFT, tasks.c.id.in_(orphaned_ids))
    counted = select(func.count(), func.coalesce(func.max(tasks.c.id), 0)).where(is_unverified)
    unverified, latest = connection.execute(counted).one()
    maybe_submitted = and_(is_unverified, tasks.c.state.in_(_MAYBE_SUBMITTED))
    unclear_values = {
        "state": TaskState.UNCLEAR,
        "billed": Billed.UNKNOWN,
        "changed_at": now,
        "not_before": None,
        "told": False,
    }
    unclear = connection.execute(update(tasks).where(maybe_submitted).values(unclear_values)).rowcount
    connection.execute(update(tasks).where(is_unverified).values(ping_due=False))
    before = int(restore_merge.read_note(connection, restore_merge.UNVERIFIED_UP_TO) or 0)
    restore_merge.write_note(connection, restore_merge.UNVERIFIED_UP_TO, str(max(latest, before)))
    return unverified, unclear


def _swap_files(file: Path, restored: Path, now: datetime) -> Path | None:
    """Rename the replaced database, then move `restored` to its path, so that a database always exists there."""
    if not file.exists():
        restored.replace(file)
        return None
    kept = file.with_name(f"{file.name}.replaced-{now.astimezone(UTC):%Y%m%d-%H%M%S-%f}")
    try:
        with open_writable(file) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # merges the log into the file
    except sqlite3.Error as error:
        log.warning("the replaced database is kept with a separate log: %s", error)
    for ending in ("-wal", "-shm"):  # SQLite would apply an old log to the new database
        beside = file.with_name(file.name + ending)
        if beside.exists():
            beside.replace(kept.with_name(kept.name + ending))
    try:
        kept.hardlink_to(file)
    except OSError:  # not every file system has hard links
        file.replace(kept)
    restored.replace(file)
    return kept
