"""Putting a backup in the database's place, without ever turning back the books.

A backup shows tasks as they were. Since then they may have been submitted, paid and delivered, so its word alone must
not start them again. If the database that is replaced can still be read, its tasks and shares are the truth, and are
taken over. If it is gone, every unfinished task of the backup is in doubt: what may have been submitted since becomes
`unclear`, and the rest is looked for in Discord before anything is shown or posted (bot/worker/steps/reconcile.py).
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
from bot.store.engines.open import sqlite_path
from bot.store.engines.sqlite import exclusive_lock
from bot.store.engines.sqlite_file import copy_database, fsync, version_of, writing
from bot.store.errors import StoreUnusable
from bot.store.tables import notes, tasks

log = logging.getLogger(__name__)

UNSETTLED = or_(
    tasks.c.state.in_(tuple(state for state in TaskState if not state.is_final)),
    tasks.c.told.is_(False),
    tasks.c.ping_due.is_(True),
)
_MAYBE_SENT = (TaskState.QUEUED, TaskState.PREPARING, TaskState.SUBMITTING)
_STRIDE = 100_000
"""Numbers that a restore without the old books leaves out: more than the tasks that were started since the backup."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What a restore has done."""

    kept: Path | None
    """Where the replaced database is now; None if there was none."""
    merged: bool
    """The tasks and shares of the replaced database are in the restored one."""
    unverified: int
    """Unfinished tasks of which nobody can know what has become of them since the backup."""
    unclear: int
    """Of these, those that may have been submitted since, and are never submitted again by themselves."""


def restore(url: str, backup: Path, now: datetime) -> RestoreResult:
    """Put the backup in place of the database at `url`, which is kept beside it; raises StoreUnusable. Blocks.

    Nothing is changed when this raises.
    """
    file = sqlite_path(url)
    _check(backup)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(f"Cannot make the database's folder {file.parent}: {error.strerror}.") from error
    with exclusive_lock(file):
        fresh, books = (file.with_name(file.name + ending) for ending in (".restoring", ".books"))
        for left in (fresh, books):
            left.unlink(missing_ok=True)
        try:
            return _put_in_place(file, backup, fresh, books, now)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise StoreUnusable(f"The backup could not be restored, and nothing was changed: {error}.") from error
        finally:
            for left in (fresh, books):
                left.unlink(missing_ok=True)


def _check(backup: Path) -> None:
    if not backup.is_file():
        raise StoreUnusable(f"There is no file {backup}: name the backup.")
    version = version_of(backup)
    if version is None:
        raise StoreUnusable(f"{backup} is not a backup of this bot's database.")
    if not schema.is_known(version):
        raise StoreUnusable(f"The backup {schema.NEWER}")


def _put_in_place(file: Path, backup: Path, fresh: Path, books: Path, now: datetime) -> RestoreResult:
    copy_database(backup, fresh)
    schema.migrate_copy(fresh, "The backup")
    readable = file.exists() and _records_of(file, books)
    engine = create_engine(URL.create("sqlite", database=str(fresh)))
    try:
        with engine.connect() as connection:
            if readable:
                connection.execute(text("ATTACH DATABASE :file AS old"), {"file": str(books)})
                connection.commit()
            orphaned_ids = _take_over(connection) if readable else None
            unverified, unclear = _mark_unverified(connection, now, orphaned_ids)
            # What was registered with Discord then need not be so now.
            connection.execute(
                delete(notes).where(notes.c.name.not_in((restore_merge.UNVERIFIED_UP_TO, restore_merge.SKIPPED)))
            )
            connection.commit()
    finally:
        engine.dispose()
    fsync(fresh)
    kept = _swap_files(file, fresh, now)
    fsync(file.parent)
    return RestoreResult(kept, orphaned_ids is not None, unverified, unclear)


def _records_of(file: Path, books: Path) -> bool:
    """Copy the database that is to be replaced, up to date; False if it cannot be read."""
    try:
        copy_database(file, books)
        schema.migrate_copy(books, "The database that is replaced")
    except (StoreUnusable, SQLAlchemyError) as error:
        log.warning("the books of the replaced database cannot be read: %s", error)
        books.unlink(missing_ok=True)
        return False
    return True


def _take_over(connection: Connection) -> restore_merge.OrphanedIds | None:
    """Take over the old database's books if they go on from the backup's; None if it is another bot's, or older.

    Raises StoreUnusable if such a one has unfinished work, for nobody would go on with it.
    """
    if restore_merge.is_continuation(connection):
        return restore_merge.replace_tasks(connection)
    if left := restore_merge.unfinished(connection):
        raise StoreUnusable(
            f"The database in place does not go on from where the backup ends, and has unfinished tasks ({left}): "
            "let the bot finish them first, or move the file away."
        )
    return None


def _mark_unverified(
    connection: Connection, now: datetime, orphaned_ids: restore_merge.OrphanedIds | None
) -> tuple[int, int]:
    """Mark what nobody can know; return how many tasks that are, and how many of them have become unclear."""
    in_doubt = UNSETTLED
    if orphaned_ids is None:
        restore_merge.reserve_ids(connection, _STRIDE)
    else:
        in_doubt = and_(UNSETTLED, tasks.c.id.in_(orphaned_ids))
    counted = select(func.count(), func.coalesce(func.max(tasks.c.id), 0)).where(in_doubt)
    unverified, latest = connection.execute(counted).one()
    maybe_sent = and_(in_doubt, tasks.c.state.in_(_MAYBE_SENT))
    lost = {"state": TaskState.UNCLEAR, "billed": Billed.UNKNOWN, "changed_at": now, "not_before": None, "told": False}
    unclear = connection.execute(update(tasks).where(maybe_sent).values(lost)).rowcount
    connection.execute(update(tasks).where(in_doubt).values(ping_due=False))
    before = int(restore_merge.read_note(connection, restore_merge.UNVERIFIED_UP_TO) or 0)
    restore_merge.write_note(connection, restore_merge.UNVERIFIED_UP_TO, str(max(latest, before)))
    return unverified, unclear


def _swap_files(file: Path, fresh: Path, now: datetime) -> Path | None:
    """Put `fresh` in the database's place, and give the replaced one another name, so that there always is one."""
    if not file.exists():
        fresh.replace(file)
        return None
    kept = file.with_name(f"{file.name}.replaced-{now.astimezone(UTC):%Y%m%d-%H%M%S-%f}")
    try:
        with writing(file) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # brings its log home
    except sqlite3.Error as error:
        log.warning("the replaced database is kept together with its log: %s", error)
    for ending in ("-wal", "-shm"):  # beside the new database it would be taken for its own
        beside = file.with_name(file.name + ending)
        if beside.exists():
            beside.replace(kept.with_name(kept.name + ending))
    try:
        kept.hardlink_to(file)
    except OSError:  # not every file system has hard links
        file.replace(kept)
    fresh.replace(file)
    return kept
