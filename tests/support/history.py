"""A history for a database: thousands of finished tasks of one server, inserted by SQL in a second or two."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from tests.support.builders import NOON, a_place, an_order
from tests.support.databases import Database

HOME, MEMBERS, FIRST_MEMBER = 22, 40, 1000
"""The server's id, how many of its members use the bot, and the first one's id."""
_BATCH_SIZE = 25_000
_MESSAGE, _SOME_MESSAGE = "(1000000000 + n.i)", 987654321
_WITH_TOKEN = 200
"""How many of the newest tasks have private replies, whose tokens are kept."""
_COLUMNS = (
    'id, state, user_id, guild_id, home, seconds, message_id, "order", place, created_at, changed_at, head_ends, '
    "progress, sent_at, rendered_at, expected_at, overdue, billed, told, granted, forgotten, ping_due, deleted, fence, "
    "has_token"
)


@dataclass(frozen=True, slots=True)
class History:
    """How many finished tasks exist, and from when."""

    tasks: int
    """Finished tasks; of ten, eight were delivered, one failed and one is unclear."""
    now: datetime = NOON
    days: float = 60.0
    """The number of days over which they were started, evenly."""
    shares: bool = True
    """Whether one in ten is shared."""


def add_history(database: Database, history: History) -> None:
    """Insert the history and update the planner's statistics, as the server would do soon."""
    if history.tasks:
        for first in range(1, history.tasks + 1, _BATCH_SIZE):
            database.sql(_insert_tasks(history, first, sqlite=database.url.startswith("sqlite")))
        if history.shares:
            database.sql(_insert_shares(history, sqlite=database.url.startswith("sqlite")))
    if not database.url.startswith("sqlite"):
        database.sql(
            "SELECT setval(pg_get_serial_sequence('tasks', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM tasks))"
        )
        database.sql("ANALYZE")


def _insert_tasks(history: History, first: int, *, sqlite: bool) -> str:
    last = min(history.tasks, first + _BATCH_SIZE - 1)
    apart = history.days * 86_400 / history.tasks
    began = _format_time(history, f"(n.i * {apart} + 60)", sqlite=sqlite)
    done = _format_time(history, f"(n.i * {apart})", sqlite=sqlite)
    state = "CASE n.i % 10 WHEN 3 THEN 'failed' WHEN 7 THEN 'unclear' ELSE 'delivered' END"
    rendered = f"CASE WHEN n.i % 10 IN (3, 7) THEN NULL ELSE {done} END"
    billed = "CASE n.i % 10 WHEN 3 THEN 'no' WHEN 7 THEN 'unknown' ELSE 'yes' END"
    user = f"{FIRST_MEMBER} + n.i % {MEMBERS}"
    order = _quote(an_order(guild_id=HOME).model_dump(mode="json"), sqlite=sqlite)
    has_token = f"n.i <= {_WITH_TOKEN}"
    places = [_quote_place(token, sqlite=sqlite) for token in ("made-up", "")]
    place = f"CASE WHEN {has_token} THEN {places[0]} ELSE {places[1]} END"
    return (
        f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) "  # noqa: S608
        f"INSERT INTO tasks ({_COLUMNS}) SELECT {history.tasks} + 1 - n.i, {state}, {user}, {HOME}, {HOME}, 6, "
        f"{_MESSAGE}, {order}, {place}, {began}, {done}, 0, 100, {began}, {rendered}, {done}, "
        f"FALSE, {billed}, TRUE, FALSE, FALSE, FALSE, FALSE, 1, {has_token} FROM n ORDER BY n.i DESC"
    )


def _insert_shares(history: History, *, sqlite: bool) -> str:
    posted = _format_time(
        history, f"(({history.tasks} - t.id) * {history.days * 86_400 / history.tasks})", sqlite=sqlite
    )
    columns = "task_id, guild_id, channel_id, user_id, hidden, tried_at, posted_at, posted_in, message_id, stars"
    return (
        f"INSERT INTO shares ({columns}) SELECT t.id, {HOME}, 33, t.user_id, FALSE, {posted}, {posted}, 33, "  # noqa: S608
        "2000000000 + t.id, t.id % 7 FROM tasks t WHERE t.id % 10 = 1 AND t.told"
    )


def _quote_place(token: str, *, sqlite: bool) -> str:
    fields = a_place(_SOME_MESSAGE).model_dump(mode="json") | {"token": token}
    text = f"REPLACE('{json.dumps(fields)}', '{_SOME_MESSAGE}', CAST({_MESSAGE} AS TEXT))"
    return text if sqlite else f"CAST({text} AS JSON)"


def _format_time(history: History, seconds: str, *, sqlite: bool) -> str:
    """Return SQL for the time so many seconds before the history's end."""
    if sqlite:
        now = history.now.strftime("%Y-%m-%d %H:%M:%S")
        return f"strftime('%Y-%m-%d %H:%M:%f', '{now}', '-' || {seconds} || ' seconds') || '000'"
    return f"(TIMESTAMPTZ '{history.now.isoformat()}' - {seconds} * INTERVAL '1 second')"


def _quote(value: object, *, sqlite: bool) -> str:
    text = "'" + json.dumps(value).replace("'", "''") + "'"
    return text if sqlite else f"CAST({text} AS JSON)"
