"""The tables, and how a row becomes a Task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    false,
    literal_column,
    or_,
    text,
    true,
)
from sqlalchemy.types import TypeDecorator

from bot.domain.task import Billed, ReplyTarget, Task, TaskState
from bot.i18n.text import Translatable, untranslated
from bot.store.errors import RowUnreadable


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC (SQLite forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class TranslatableJSON(TypeDecorator[Translatable]):
    """A phrase, kept as JSON. Rows of 0.1.0's first weeks have plain English, which is told as it stands."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Translatable | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102
        return _PHRASE.dump_json(value).decode() if value is not None else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> Translatable | None:  # noqa: ARG002, D102
        if value is None:
            return None
        return _PHRASE.validate_json(value) if value.startswith('{"text":') else untranslated(value)


_PHRASE = TypeAdapter(Translatable)
BigId = BigInteger().with_variant(Integer, "sqlite")
"""A row's own number. (SQLite numbers rows by itself only in a column that is called INTEGER.)"""
ZERO = text("0")
metadata = MetaData()

tasks = Table(
    "tasks",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("state", Text, nullable=False),
    # Copies of some of the order's and the place's fields, because they are searched by.
    Column("user_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("home", BigInteger, nullable=False, server_default=ZERO),
    Column("seconds", Integer, nullable=False, server_default=ZERO),
    Column("message_id", BigInteger, nullable=False),
    Column("parent_id", BigId),
    Column("order", JSON, nullable=False),
    Column("place", JSON, nullable=False),
    Column("has_token", Boolean, nullable=False, server_default=true()),  # its place may hold one
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
"""Something is left to do: what is at work is not told either. (Written as the index says it, so that it is used.)"""
Index("tasks_unsettled", tasks.c.holder, sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)


def in_state(*states: TaskState) -> ColumnElement[bool]:
    """Whether a task's state is one of these.

    They stand in the statement itself: a plan that PostgreSQL makes once for all values would take the rare states for
    as frequent as `delivered`, and read the whole table.
    """
    named: list[ColumnElement[str]] = [literal_column(f"'{state.value}'") for state in states]
    return tasks.c.state == named[0] if len(named) == 1 else tasks.c.state.in_(named)


def _index_some(name: str, where: ColumnElement[bool], *columns: Column[Any]) -> None:
    """An index of few of the rows, so that it costs the others nothing; a query must repeat `where` as it stands."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


IS_FORGOTTEN = tasks.c.forgotten.is_(True)
IS_DELETED = tasks.c.deleted.is_(True)
IS_KEPT = tasks.c.message_id > text("0")
"""Whether more is left of it than what is counted."""
HAS_TOKEN = tasks.c.has_token.is_(True)
IS_FREE_FAILURE = and_(in_state(TaskState.FAILED), tasks.c.billed == literal_column(f"'{Billed.NO.value}'"))
"""Whether it failed and was not paid for."""
_index_some("tasks_forgotten", IS_FORGOTTEN, tasks.c.user_id)
_index_some("tasks_deleted", IS_DELETED, tasks.c.id)
_index_some("tasks_kept", IS_KEPT, tasks.c.changed_at)
_index_some("tasks_parent", tasks.c.parent_id.is_not(None), tasks.c.parent_id)
_index_some("tasks_token", HAS_TOKEN, tasks.c.id)
_index_some("tasks_free_failures", IS_FREE_FAILURE, tasks.c.user_id, tasks.c.changed_at)

notes = Table("notes", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
"""What the bot must remember of itself, such as the hash of the commands that it registered last."""

servers = Table(
    "servers",
    metadata,
    Column("home", BigInteger, primary_key=True, autoincrement=False),
    Column("limits", JSON(none_as_null=True)),  # none: the operator's defaults
    Column("server_running", Integer),  # a copy, because turns are given by it
    Column("reset_after", BigId, nullable=False, server_default=ZERO),  # only tasks with greater ids count
    Column("turn", Integer, nullable=False, server_default=ZERO),  # the number of its latest turn to be prepared...
    Column("slot_turn", Integer, nullable=False, server_default=ZERO),  # ...and to be sent to FoxAPI
    Column("left_at", UtcDateTime),
    Index("servers_turn", "turn"),
    Index("servers_slot_turn", "slot_turn"),
)
"""One row per server, and per member in direct messages, that has limits or has had a turn."""

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
"""One row per member of a server on whom something was decided, or who has had a turn."""

preferences = Table(
    "wishes",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("notify", Text, nullable=False),
)
"""What members chose for themselves."""

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
"""A server's tasks of that day whose rows are deleted, for their members wanted that; of whom nothing is kept."""

processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),  # for people
    Column("alive_until", Float, nullable=False),  # by the database's clock
)
"""Who shares the work; whoever has no row any more holds nothing (see leases.py)."""

singleton_duties = Table(
    "duties", metadata, Column("name", Text, primary_key=True), Column("holder", Text, nullable=False)
)
"""What one process alone does."""

pauses = Table(
    "pauses",
    metadata,
    Column("name", Text, primary_key=True),
    Column("until", Float, nullable=False),  # nobody asks before this, by the database's clock...
    Column("turn", Float, nullable=False),  # ...and then one at a time, the next from this on
    Column("gap", Float, nullable=False),  # how long the latest pause was meant to be, in seconds
)
"""Which of the outside's services is ill; no row: it is well."""

paces = Table(
    "paces",
    metadata,
    Column("name", Text, primary_key=True),
    Column("free_at", Float, nullable=False),  # when the next turn begins, by the database's clock
)
"""What processes do in turn."""

_COLUMN_OF = {
    "head_seconds": "head_ends",
    "preparation_note": "note",
    "submitted_at": "sent_at",
    "state_changed_at": "changed_at",
    "result_url_expires_at": "result_url_ends",
    "outcome_shown": "told",
    "notification_due": "ping_due",
    "notification_attempted_at": "ping_at",
    "fencing_token": "fence",
    "deletion_requested": "forgotten",
}
"""Fields of Task whose columns have older names: renaming a column would need a migration for nothing."""
_FIELD_OF = {column: field for field, column in _COLUMN_OF.items()}

_DENORMALISED = {"user_id", "guild_id", "message_id", "parent_id", "home", "seconds", "holder", "has_token"}


def to_columns(changes: Mapping[str, object]) -> dict[str, Any]:
    """Turn fields of a Task into column values; the reply's token, a secret, is written out here alone."""
    row = {_COLUMN_OF.get(name, name): _value(value) for name, value in changes.items()}
    if isinstance(place := changes.get("place"), ReplyTarget):
        row["place"]["token"] = place.token.get_secret_value()
        row["place"]["token_ends"] = row["place"].pop("token_expires_at")
        row["has_token"] = bool(row["place"]["token"])
        row["message_id"] = place.message_id
    return row


def to_task(row: Row[Any]) -> Task:
    """Read a row of `tasks`; raises RowUnreadable."""
    fields = _fields_of(row)
    try:
        return Task.model_validate(fields)
    except ValidationError as error:
        wrong = {".".join(map(str, fault["loc"])) or "row" for fault in error.errors(include_input=False)}
        raise RowUnreadable(f"wrong: {', '.join(sorted(wrong))}") from None


def _fields_of(row: Row[Any]) -> dict[str, Any]:
    fields = {_FIELD_OF.get(name, name): value for name, value in row._mapping.items() if name not in _DENORMALISED}
    place = fields["place"]
    if isinstance(place, dict) and "token_ends" in place:
        token_ends = {"token_expires_at": place["token_ends"]}
        fields["place"] = {name: value for name, value in place.items() if name != "token_ends"} | token_ends
    return fields


def _value(value: object) -> Any:  # noqa: ANN401 (whatever the column takes)
    if isinstance(value, str):
        return value.replace("\0", "")  # PostgreSQL's TEXT takes any character but this
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value
