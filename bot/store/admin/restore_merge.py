"""Merges the tasks and shares of a replaced database, attached as `old`, into a restored backup."""

from __future__ import annotations

from sqlalchemy import Connection, Table, text

from bot.store.shares import shares
from bot.store.tables import tasks

UNVERIFIED_UP_TO = "doubtful up to"
"""The name of the note with the greatest id of an unverified task."""
SKIPPED = "skipped"
"""The name of the note with the ids that restores skipped, as ranges: 57-100000,100012-200000."""
OrphanedIds = frozenset[int]
"""Unfinished tasks of a backup that the old database never had: they were started before an earlier restore."""

_RECORDS: tuple[Table, ...] = (tasks, shares)
_IS_OVER = "state IN ('delivered', 'failed', 'cancelled', 'unclear') AND told AND NOT ping_due"
_IS_SAME_TASK = (
    "mine.id = theirs.id AND mine.created_at = theirs.created_at AND mine.user_id = theirs.user_id "
    "AND mine.changed_at <= theirs.changed_at"
)


def is_continuation(connection: Connection) -> bool:
    """Return whether the old database continues the backup: it has the same tasks, in the same or a later state."""
    mine = _read_latest_id(connection, "main", tasks)
    if _read_latest_id(connection, "old", tasks) < mine:
        return False
    both = _count(connection, "SELECT COUNT(*) FROM main.tasks JOIN old.tasks USING (id)")
    same = _count(connection, f"SELECT COUNT(*) FROM main.tasks mine JOIN old.tasks theirs ON {_IS_SAME_TASK}")  # noqa: S608
    return both == same and (both > 0 or mine == 0)


def count_unfinished(connection: Connection) -> int:
    """Return how many tasks of the old database have something left to do."""
    return _count(connection, f"SELECT COUNT(*) FROM old.tasks WHERE NOT ({_IS_OVER})")  # noqa: S608


def replace_tasks(connection: Connection) -> OrphanedIds:
    """Replace the backup's tasks and shares by the old database's; return the ids that only the backup has.

    Other tasks that only the backup has were deleted since, and are dropped.
    """
    known = "SELECT id FROM old.tasks"
    connection.execute(text(f"DELETE FROM main.tasks WHERE ({_IS_OVER}) OR id IN ({known})"))  # noqa: S608
    connection.execute(text("DELETE FROM main.shares"))
    connection.execute(text("DELETE FROM main.notes"))
    connection.execute(text("INSERT INTO main.notes SELECT * FROM old.notes"))
    skipped = _read_skipped(connection)
    remaining = frozenset(connection.scalars(text("SELECT id FROM main.tasks")))
    connection.execute(text("DELETE FROM main.tallies"))
    connection.execute(text("INSERT INTO main.tallies SELECT * FROM old.tallies"))
    orphaned_ids = frozenset(number for number in remaining if any(number in each for each in skipped))
    for number in remaining - orphaned_ids:
        connection.execute(text("DELETE FROM main.tasks WHERE id = :number"), {"number": number})
    for table in _RECORDS:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        connection.execute(text(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM old.{table}"))  # noqa: S608
        _advance_sequence(connection, table, _read_latest_id(connection, "old", table))
    return orphaned_ids


def reserve_ids(connection: Connection, gap: int) -> None:
    """Skip ids that may have been used since the backup, because buttons in Discord carry them."""
    latest = _read_latest_id(connection, "main", tasks)
    for table in _RECORDS:
        _advance_sequence(connection, table, (_read_latest_id(connection, "main", table) // gap + 1) * gap)
    skipped = [*_read_skipped(connection), range(latest + 1, _read_latest_id(connection, "main", tasks) + 1)]
    write_note(connection, SKIPPED, ",".join(f"{each.start}-{each.stop - 1}" for each in skipped))


def read_note(connection: Connection, name: str) -> str:
    """Return a note that the bot made for itself, or an empty string."""
    found = connection.execute(text("SELECT value FROM main.notes WHERE name = :name"), {"name": name})
    return str(found.scalar() or "")


def write_note(connection: Connection, name: str, value: str) -> None:
    """Create or replace a note."""
    note = {"name": name, "value": value}
    connection.execute(text("INSERT OR REPLACE INTO main.notes (name, value) VALUES (:name, :value)"), note)


def _read_skipped(connection: Connection) -> list[range]:
    ranges = [each.split("-") for each in read_note(connection, SKIPPED).split(",") if each]
    return [range(int(first), int(last) + 1) for first, last in ranges]


def _advance_sequence(connection: Connection, table: Table, latest: int) -> None:
    """Continue the table's ids after `latest`, or after its own latest id if that is greater."""
    seq = {"name": table.name, "seq": max(latest, _read_latest_id(connection, "main", table))}
    connection.execute(text("DELETE FROM main.sqlite_sequence WHERE name = :name"), seq)
    connection.execute(text("INSERT INTO main.sqlite_sequence (name, seq) VALUES (:name, :seq)"), seq)


def _read_latest_id(connection: Connection, database: str, table: Table) -> int:
    """Return the latest id that the table ever used."""
    query = f"SELECT COALESCE(MAX(seq), 0) FROM {database}.sqlite_sequence WHERE name = '{table.name}'"  # noqa: S608
    return _count(connection, query)


def _count(connection: Connection, query: str) -> int:
    return int(connection.execute(text(query)).scalar_one())
