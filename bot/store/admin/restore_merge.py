"""The books of a replaced database (attached as `old`): its tasks and shares, and whether a backup's go on in them."""

from __future__ import annotations

from sqlalchemy import Connection, Table, text

from bot.store.shares import shares
from bot.store.tables import tasks

UNVERIFIED_UP_TO = "doubtful up to"
"""The note that says up to which task's number a restore left doubts."""
SKIPPED = "skipped"
"""The note that says which numbers restores left out, as ranges: 57-100000,100012-200000."""
OrphanedIds = frozenset[int]
"""Unfinished tasks of a backup that the old database has never had: they were begun before an earlier restore."""

_RECORDS: tuple[Table, ...] = (tasks, shares)
_OVER = "state IN ('delivered', 'failed', 'cancelled', 'unclear') AND told AND NOT ping_due"
_GOES_ON = (
    "mine.id = theirs.id AND mine.created_at = theirs.created_at AND mine.user_id = theirs.user_id "
    "AND mine.changed_at <= theirs.changed_at"
)


def is_continuation(connection: Connection) -> bool:
    """Whether the old database is what became of the backup's: the same tasks, none of them younger."""
    mine = _latest(connection, "main", tasks)
    if _latest(connection, "old", tasks) < mine:
        return False
    both = _count(connection, "SELECT COUNT(*) FROM main.tasks JOIN old.tasks USING (id)")
    same = _count(connection, f"SELECT COUNT(*) FROM main.tasks mine JOIN old.tasks theirs ON {_GOES_ON}")  # noqa: S608
    return both == same and (both > 0 or mine == 0)


def unfinished(connection: Connection) -> int:
    """How many tasks of the old database have something left to do."""
    return _count(connection, f"SELECT COUNT(*) FROM old.tasks WHERE NOT ({_OVER})")  # noqa: S608


def replace_tasks(connection: Connection) -> OrphanedIds:
    """Put the old database's tasks and shares in place of the backup's.

    What the backup has besides was deleted since, and is left out, but for the strays.
    """
    known = "SELECT id FROM old.tasks"
    connection.execute(text(f"DELETE FROM main.tasks WHERE ({_OVER}) OR id IN ({known})"))  # noqa: S608
    connection.execute(text("DELETE FROM main.shares"))
    connection.execute(text("DELETE FROM main.notes"))
    connection.execute(text("INSERT INTO main.notes SELECT * FROM old.notes"))
    skipped = _skipped(connection)
    left = frozenset(connection.scalars(text("SELECT id FROM main.tasks")))
    connection.execute(text("DELETE FROM main.tallies"))
    connection.execute(text("INSERT INTO main.tallies SELECT * FROM old.tallies"))
    orphaned_ids = frozenset(number for number in left if any(number in each for each in skipped))
    for number in left - orphaned_ids:
        connection.execute(text("DELETE FROM main.tasks WHERE id = :number"), {"number": number})
    for table in _RECORDS:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        connection.execute(text(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM old.{table}"))  # noqa: S608
        _advance_sequence(connection, table, _latest(connection, "old", table))
    return orphaned_ids


def reserve_ids(connection: Connection, stride: int) -> None:
    """Leave out numbers that may have been given out since: buttons in Discord carry them."""
    latest = _latest(connection, "main", tasks)
    for table in _RECORDS:
        _advance_sequence(connection, table, (_latest(connection, "main", table) // stride + 1) * stride)
    skipped = [*_skipped(connection), range(latest + 1, _latest(connection, "main", tasks) + 1)]
    write_note(connection, SKIPPED, ",".join(f"{each.start}-{each.stop - 1}" for each in skipped))


def read_note(connection: Connection, name: str) -> str:
    """A note of the bot for itself; "" if there is none."""
    found = connection.execute(text("SELECT value FROM main.notes WHERE name = :name"), {"name": name})
    return str(found.scalar() or "")


def write_note(connection: Connection, name: str, value: str) -> None:
    """Make, or make anew, a note."""
    note = {"name": name, "value": value}
    connection.execute(text("INSERT OR REPLACE INTO main.notes (name, value) VALUES (:name, :value)"), note)


def _skipped(connection: Connection) -> list[range]:
    ranges = [each.split("-") for each in read_note(connection, SKIPPED).split(",") if each]
    return [range(int(first), int(last) + 1) for first, last in ranges]


def _advance_sequence(connection: Connection, table: Table, latest: int) -> None:
    """Have the table's numbers go on after `latest`, or after its own latest if that is greater."""
    seq = {"name": table.name, "seq": max(latest, _latest(connection, "main", table))}
    connection.execute(text("DELETE FROM main.sqlite_sequence WHERE name = :name"), seq)
    connection.execute(text("INSERT INTO main.sqlite_sequence (name, seq) VALUES (:name, :seq)"), seq)


def _latest(connection: Connection, database: str, table: Table) -> int:
    """The latest number that the table ever gave out."""
    wanted = f"SELECT COALESCE(MAX(seq), 0) FROM {database}.sqlite_sequence WHERE name = '{table.name}'"  # noqa: S608
    return _count(connection, wanted)


def _count(connection: Connection, query: str) -> int:
    return int(connection.execute(text(query)).scalar_one())
