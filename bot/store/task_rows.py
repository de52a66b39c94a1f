"""Converts between a :class:`Task` and its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Row

from bot.domain.task import ReplyTarget, Task
from bot.store.errors import RowUnreadable

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
"""Columns that are no fields of Task: most are copies that queries search by."""


def to_columns(changes: Mapping[str, object]) -> dict[str, Any]:
    """Turn fields of a Task into column values. Only here is the reply's token, a secret, written out."""
    row = {_COLUMN_OF.get(name, name): _to_column_value(value) for name, value in changes.items()}
    if isinstance(place := changes.get("place"), ReplyTarget):
        row["place"]["token"] = place.token.get_secret_value()
        row["place"]["token_ends"] = row["place"].pop("token_expires_at")
        row["has_token"] = bool(row["place"]["token"])
        row["message_id"] = place.message_id
    return row


def to_task(row: Row[Any]) -> Task:
    """Parse a row of `tasks`. Raises RowUnreadable."""
    fields = _to_fields(row)
    try:
        return Task.model_validate(fields)
    except ValidationError as error:
        wrong = {".".join(map(str, fault["loc"])) or "row" for fault in error.errors(include_input=False)}
        raise RowUnreadable(f"wrong: {', '.join(sorted(wrong))}") from None


def _to_fields(row: Row[Any]) -> dict[str, Any]:
    fields = {_FIELD_OF.get(name, name): value for name, value in row._mapping.items() if name not in _DENORMALISED}
    place = fields["place"]
    if isinstance(place, dict) and "token_ends" in place:
        token_ends = {"token_expires_at": place["token_ends"]}
        fields["place"] = {name: value for name, value in place.items() if name != "token_ends"} | token_ends
    return fields


def _to_column_value(value: object) -> Any:  # noqa: ANN401 (each column takes its own type)
    if isinstance(value, str):
        return value.replace("\0", "")  # PostgreSQL's TEXT takes every other character
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value
