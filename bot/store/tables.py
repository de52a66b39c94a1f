"""The tables of tasks, guilds, members and processes, and the conditions that their indexes serve.

Tables and columns keep the names of their first migration. `home` is the scope of a task: the server's id, or for
direct messages minus the member's id.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    false,
    literal_column,
    or_,
    text,
    true,
)

from bot.domain.task import Billed, TaskState
from bot.store.column_types import BigId, TranslatableJSON, UtcDateTime

ZERO = text("0")
metadata = MetaData()

tasks = Table(
    "tasks",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("state", Text, nullable=False),
    # Copies of some fields of the order and the place, because queries search by them.
    Column("user_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("home", BigInteger, nullable=False, server_default=ZERO),
    Column("seconds", Integer, nullable=False, server_default=ZERO),
    Column("message_id", BigInteger, nullable=False),
    Column("parent_id", BigId),
    Column("order", JSON, nullable=False),
    Column("place", JSON, nullable=False),
    Column("has_token", Boolean, nullable=False, server_default=true()),  # whether its place may hold one
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("needs", BigInteger, nullable=False, server_default=ZERO),
    Column("room_wanted_at", UtcDateTime),
    Column("prepared_at", UtcDateTime),
    Column("clip", JSON(none_as_null=True)),
    Column("submitted", JSON(none_as_null=True)),
    Column("head_ends", Float, nullable=False),
    Column("note", TranslatableJSON),
    Column("remote_id", Text, unique=True),
    Column("progress", Integer, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("news_at", UtcDateTime),
    Column("rendered_at", UtcDateTime),
    Column("expected_at", UtcDateTime),
    Column("overdue", Boolean, nullable=False),
    Column("video_url", Text),
    Column("result_url", Text),
    Column("result_url_ends", UtcDateTime),
    Column("not_before", UtcDateTime),
    Column("result", JSON(none_as_null=True)),
    Column("film", JSON(none_as_null=True)),
    Column("reason", TranslatableJSON),
    Column("billed", Text, nullable=False),
    Column("told", Boolean, nullable=False),
    Column("credits", Float),
    Column("granted", Boolean, nullable=False, server_default=false()),
    Column("forgotten", Boolean, nullable=False, server_default=false()),
    Column("ping_due", Boolean, nullable=False, server_default=false()),
    Column("ping_at", UtcDateTime),
    Column("deleted", Boolean, nullable=False, server_default=false()),
    Column("holder", Text),  # the process that works on it, or did
    Column("fence", Integer, nullable=False, server_default=ZERO),
    Column("tries", Integer, nullable=False, server_default=ZERO),
    Column("crashes", Integer, nullable=False, server_default=ZERO),
    Column("at_risk", Boolean, nullable=False, server_default=false()),
    Column("retry_at", UtcDateTime),
    Index("tasks_state", "state", "told"),
    Index("tasks_user", "user_id", "created_at"),
    Index("tasks_home", "home", "created_at"),
    Index("tasks_created", "created_at"),
    Index("tasks_changed", "changed_at"),
    Index("tasks_rendered", "rendered_at"),
    Index("tasks_line", "state", "home", "user_id"),
    Index("tasks_message", "message_id", unique=True),
    sqlite_autoincrement=True,  # ids of deleted rows never come back: buttons carry them
)

UNSETTLED = or_(tasks.c.told.is_(False), tasks.c.ping_due.is_(True))
"""Whether something is left to do. No unfinished task is `told`. The index is used only by a query in these words."""
Index("tasks_unsettled", tasks.c.holder, sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)


def in_state(*states: TaskState) -> ColumnElement[bool]:
    """Whether a task's state is one of these.

    The states are literals in the statement. With parameters, PostgreSQL's generic plan would take the rare states
    to be as frequent as `delivered` and read the whole table.
    """
    named: list[ColumnElement[str]] = [literal_column(f"'{state.value}'") for state in states]
    return tasks.c.state == named[0] if len(named) == 1 else tasks.c.state.in_(named)


def _add_partial_index(name: str, where: ColumnElement[bool], *columns: Column[Any]) -> None:
    """Index few of the rows, at no cost to the others. A query must repeat `where` word for word to use the index."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


IS_FORGOTTEN = tasks.c.forgotten.is_(True)
IS_DELETED = tasks.c.deleted.is_(True)
IS_KEPT = tasks.c.message_id > text("0")
"""Whether the task is not anonymised."""
HAS_TOKEN = tasks.c.has_token.is_(True)
IS_FREE_FAILURE = and_(in_state(TaskState.FAILED), tasks.c.billed == literal_column(f"'{Billed.NO.value}'"))
"""Whether the task failed and was not billed."""
_add_partial_index("tasks_forgotten", IS_FORGOTTEN, tasks.c.user_id)
_add_partial_index("tasks_deleted", IS_DELETED, tasks.c.id)
_add_partial_index("tasks_kept", IS_KEPT, tasks.c.changed_at)
_add_partial_index("tasks_parent", tasks.c.parent_id.is_not(None), tasks.c.parent_id)
_add_partial_index("tasks_token", HAS_TOKEN, tasks.c.id)
_add_partial_index("tasks_free_failures", IS_FREE_FAILURE, tasks.c.user_id, tasks.c.changed_at)

notes = Table("notes", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
"""The bot's own state, such as the hash of the commands that it registered last."""

servers = Table(
    "servers",
    metadata,
    Column("home", BigInteger, primary_key=True, autoincrement=False),
    Column("limits", JSON(none_as_null=True)),  # NULL: the operator's defaults
    Column("server_running", Integer),  # a copy, because the queue reads it
    Column("reset_after", BigId, nullable=False, server_default=ZERO),  # only tasks with greater ids count
    Column("turn", Integer, nullable=False, server_default=ZERO),  # the number of its latest turn in preparation...
    Column("slot_turn", Integer, nullable=False, server_default=ZERO),  # ...and of its latest running slot
    Column("left_at", UtcDateTime),
    Index("servers_turn", "turn"),
    Index("servers_slot_turn", "slot_turn"),
)
"""One row for each server (and each member in direct messages) that has limits or has had a turn."""

members = Table(
    "members",
    metadata,
    Column("home", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("blocked_at", UtcDateTime),
    Column("blocked_by", BigInteger),
    Column("granted", Integer, nullable=False, server_default=ZERO),
    Column("reset_after", BigId, nullable=False, server_default=ZERO),
    Column("turn", Integer, nullable=False, server_default=ZERO),
    Column("slot_turn", Integer, nullable=False, server_default=ZERO),
    Index("members_user", "user_id"),
)
"""One row for each member of a server whom moderators blocked, reset or granted runs, or who has had a turn."""

preferences = Table(
    "wishes",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("notify", Text, nullable=False),
)
"""Members' own settings."""

deleted_usage = Table(
    "tallies",
    metadata,
    Column("home", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Text, primary_key=True),  # in UTC, as 2026-11-22
    Column("delivered", Integer, nullable=False, server_default=ZERO),
    Column("failed", Integer, nullable=False, server_default=ZERO),
    Column("cancelled", Integer, nullable=False, server_default=ZERO),
    Column("unclear", Integer, nullable=False, server_default=ZERO),
    Column("seconds", Integer, nullable=False, server_default=ZERO),
    Column("credits", Float, nullable=False, server_default=ZERO),
)
"""Daily totals of a server's tasks that were deleted at their members' request, without the members."""

processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),  # for log lines
    Column("alive_until", Float, nullable=False),  # by the database's clock
)
"""The processes that share the work. A process without a row holds no lease (see leases.py)."""

singleton_duties = Table(
    "duties", metadata, Column("name", Text, primary_key=True), Column("holder", Text, nullable=False)
)
"""Which process performs a duty that only one at a time may perform."""

pauses = Table(
    "pauses",
    metadata,
    Column("name", Text, primary_key=True),
    Column("until", Float, nullable=False),  # no request before this, by the database's clock...
    Column("turn", Float, nullable=False),  # ...and then one probe at a time, the next from this on
    Column("gap", Float, nullable=False),  # the back-off of the latest pause, in seconds
)
"""Open circuit breakers, by service. No row: the circuit is closed."""

paces = Table(
    "paces",
    metadata,
    Column("name", Text, primary_key=True),
    Column("free_at", Float, nullable=False),  # when the next turn is free, by the database's clock
)
"""Rate limiters that all processes share, by name."""


def name_log_note(guild_id: int) -> str:
    """Return the name of the note about a server's log channel that refuses posts."""
    return f"log channel of {guild_id}"
