"""How a database would run the statements that the store sends, and how many rows that takes."""

from __future__ import annotations

import ast
import json
import sqlite3
import sys
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

import bot.store
from bot.store import Store
from bot.store.engines.sqlite_file import copy_database
from tests.support.databases import Database, PostgresDatabase, SQLiteFile

STORE = Path(bot.store.__file__).parent
HISTORIES = ("tasks", "shares")
"""The tables that grow for as long as the bot lives."""
_SENDS = ("execute", "scalar", "scalars")
_A_STEP = 10
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement, and by which of the store's methods it was sent."""

    method: str
    statement: str
    values: tuple[Any, ...]


@dataclass
class Watch:
    """Everything that a store sends while it is watched."""

    method: str = ""
    sent: list[Sent] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    """The lines of bot/store from which something was sent."""

    def on_notify(self, _c: object, _cursor: object, statement: str, values: Any, _x: object, many: bool) -> None:
        """Called by SQLAlchemy before each statement."""
        self.sent += [Sent(self.method, statement, tuple(each)) for each in (values if many else [values])]


@contextmanager
def watched(store: Store) -> Iterator[Watch]:
    """Watch it, at the driver and at the lines of bot/store from which SQLAlchemy is called."""
    watch, engine = Watch(), store._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", watch.on_notify)
    with pytest.MonkeyPatch.context() as patch:
        for name in _SENDS:
            patch.setattr(AsyncConnection, name, _noting(getattr(AsyncConnection, name), watch))
        yield watch
    event.remove(engine, "before_cursor_execute", watch.on_notify)


def _noting(send: Any, watch: Watch) -> Any:
    def noted(self: AsyncConnection, *args: Any, **words: Any) -> Any:
        frame = sys._getframe(1)
        watch.places.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
        return send(self, *args, **words)

    return noted


@dataclass(frozen=True, slots=True)
class Sending:
    """A call in bot/store that sends a statement."""

    module: str
    function: str
    lines: range

    def was_passed(self, watch: Watch) -> bool:
        """Whether it has sent something while the store was watched."""
        return any((self.module, line) in watch.places for line in self.lines)


def all_sending(leave_out: Collection[str]) -> list[Sending]:
    """Every such call, but for those in the modules that are left out."""
    found: list[Sending] = []
    for file in sorted(STORE.glob("*.py")):
        if file.name in leave_out:
            continue
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.AsyncFunctionDef):
                found += [Sending(file.name, function.name, lines) for lines in _sending(function)]
    return found


def _sending(function: ast.AsyncFunctionDef) -> Iterator[range]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SENDS:
            yield range(node.lineno, (node.end_lineno or node.lineno) + 1)


@dataclass(frozen=True, slots=True)
class Cost:
    """What running it once takes."""

    rows: int
    """Rows, or entries of indexes, that it looks at."""
    scans: tuple[str, ...]
    """The tables with a history that it reads whole."""
    plan: str


async def cost_of(database: Database, sent: Sent) -> Cost:
    """Explain it, and run it once without keeping what it changes."""
    if isinstance(database, SQLiteFile):
        return _on_sqlite(as_before(database), sent)
    assert isinstance(database, PostgresDatabase)
    return await _on_postgresql(database.url, sent)


def keep_as_it_is(database: Database) -> None:
    """What is explained later is explained on these rows, also on those that are deleted meanwhile."""
    if isinstance(database, SQLiteFile):
        copy_database(database.file, as_before(database))


def as_before(database: SQLiteFile) -> Path:
    """The copy."""
    return database.file.with_name("before.db")


def _on_sqlite(file: Path, sent: Sent) -> Cost:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += _A_STEP
        return 0

    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sent.statement}", sent.values)]
        connection.set_progress_handler(step, _A_STEP)
        connection.execute("BEGIN")
        with suppress(sqlite3.IntegrityError):  # it adds a row that was added since
            connection.execute(sent.statement, sent.values).fetchall()
        connection.set_progress_handler(None, 0)
        connection.execute("ROLLBACK")
    whole = tuple(line for line in plan if _is_whole(line))
    return Cost(steps // _STEPS_A_ROW, whole, "\n".join(plan))


_STEPS_A_ROW = 10
"""Of SQLite's machine, about: to go to the next entry, to read some columns, to compare them, and to jump."""
_OF_FEW = ("tasks_unsettled", "tasks_forgotten", "tasks_deleted", "tasks_parent", "tasks_token")
"""Indexes of the few rows that are looked for: to read one whole is to read these."""


def _is_whole(line: str) -> bool:
    words = line.split()
    return words[0] == "SCAN" and words[1] in HISTORIES and words[-1] not in _OF_FEW


async def _on_postgresql(url: str, sent: Sent) -> Cost:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("BEGIN")
        options = "FORMAT JSON" if sent.statement.startswith("INSERT") else "ANALYZE, TIMING OFF, FORMAT JSON"
        explained = await connection.fetchval(f"EXPLAIN ({options}) {sent.statement}", *sent.values)
    finally:
        await connection.close()
    nodes = list(_nodes(json.loads(explained)[0]["Plan"]))
    whole = tuple(
        f"{node['Node Type']} of {node['Relation Name']}"
        for node in nodes
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in HISTORIES and node.get("Actual Loops", 1)
    )
    return Cost(int(sum(map(_rows_of, nodes))), whole, json.dumps([_short(node) for node in nodes], indent=1))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _rows_of(node: dict[str, Any]) -> float:
    """What a node of the plan has read, or sorted."""
    if "Scan" not in node["Node Type"] and "Sort" not in node["Node Type"]:
        return 0
    dropped = sum(number for name, number in node.items() if name.startswith("Rows Removed by"))
    return float((node.get("Actual Rows", 0) + dropped) * node.get("Actual Loops", 1))


def _short(node: dict[str, Any]) -> dict[str, Any]:
    wanted = ("Node Type", "Relation Name", "Index Name", "Index Cond", "Filter", "Sort Key", "Actual Rows")
    return {name: node[name] for name in wanted if name in node}
