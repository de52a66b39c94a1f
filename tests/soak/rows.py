"""The tasks' rows as the soak test reads them, with a connection of its own."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from tests.support.databases import Database

TITLES = {
    "delivered": "Finished",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "unclear": "Outcome unknown",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A task's row in the database."""

    id: int
    state: str
    told: bool
    billed: str
    reason: str | None
    remote_id: str | None
    prompt: str
    created: float
    changed: float

    @property
    def ended(self) -> bool:
        return self.state in TITLES


def read_rows(database: Database) -> list[Row]:
    """Read every task with a separate connection; return none while the database is unavailable."""
    query = 'SELECT id, state, told, billed, reason, remote_id, "order", created_at, changed_at FROM tasks ORDER BY id'
    try:
        found = database.sql(query)
    except (sqlite3.OperationalError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return []
    return [
        Row(
            number,
            state,
            bool(told),
            billed,
            reason,
            remote,
            json.loads(request)["prompt"],
            _to_epoch(made),
            _to_epoch(moved),
        )
        for number, state, told, billed, reason, remote, request, made, moved in found
    ]


def _to_epoch(value: str | datetime) -> float:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC).timestamp()
