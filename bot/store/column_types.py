"""Column types that both database engines store and return alike."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

from bot.i18n.text import Translatable, untranslated

_TRANSLATABLE = TypeAdapter(Translatable)

BigId = BigInteger().with_variant(Integer, "sqlite")
"""A row's id. SQLite generates ids only for a column whose type is INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC. SQLite does not store the zone, so it is added on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class TranslatableJSON(TypeDecorator[Translatable]):
    """A translatable text, stored as JSON. Rows from the first weeks of 0.1.0 hold plain English instead."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Translatable | None, dialect: Dialect) -> str | None:  # noqa: ARG002, D102
        return _TRANSLATABLE.dump_json(value).decode() if value is not None else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> Translatable | None:  # noqa: ARG002, D102
        if value is None:
            return None
        return _TRANSLATABLE.validate_json(value) if value.startswith('{"text":') else untranslated(value)
