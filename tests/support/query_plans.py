"""Records the store's statements, and measures how many rows a database reads for each."""

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
from bot.store.repository import Repository
from tests.support.databases import Database, PostgresDatabase, SQLiteFile

STORE = Path(bot.store.__file__).parent
HISTORIES = ("tasks", "shares")
"""The tables that grow without a bound."""
_SENDS = ("execute", "scalar", "scalars")
_REPOSITORY_SENDS = ("_read", "_read_scalar", "_write")
_STEP = 10
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement, and the method of the store that sent it."""

    method: str
    statement: str
    values: tuple[Any, ...]


@dataclass
class Watch:
    """Everything that a store sends while it is watched."""

    method: str = ""
    sent: list[Sent] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    """The lines of bot/store that sent something."""

    def on_notify(self, _c: object, _cursor: object, statement: str, values: Any, _x: object, many: bool) -> None:
        """Record a statement; SQLAlchemy calls this before it is executed."""
        self.sent += [Sent(self.method, statement, tuple(each)) for each in (values if many else [values])]


@contextmanager
def watched(store: Store) -> Iterator[Watch]:
    """Record the store's statements, and the lines of bot/store that send them."""
    watch, engine = Watch(), store._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", watch.on_notify)
    with pytest.MonkeyPatch.context() as patch:
        for name in _SENDS:
            patch.setattr(AsyncConnection, name, _record_caller(getattr(AsyncConnection, name), watch))
        for name in _REPOSITORY_SENDS:
            patch.setattr(Repository, name, _record_caller(getattr(Repository, name), watch))
        yield watch
    event.remove(engine, "before_cursor_execute", watch.on_notify)


def _record_caller(send: Any, watch: Watch) -> Any:
    def recorded(self: object, *args: Any, **options: Any) -> Any:
        frame = sys._getframe(1)
        watch.places.add((_module(Path(frame.f_code.co_filename)), frame.f_lineno))
        return send(self, *args, **options)

    return recorded


@dataclass(frozen=True, slots=True)
class Sending:
    """A call in bot/store that sends a statement."""

    module: str
    function: str
    lines: range

    def was_executed(self, watch: Watch) -> bool:
        """Return whether it has sent something while the store was watched."""
        return any((self.module, line) in watch.places for line in self.lines)


def find_sending(leave_out: Collection[str]) -> list[Sending]:
    """Find every such call, except in the modules and folders that are left out."""
    found: list[Sending] = []
    for file in sorted(STORE.rglob("*.py")):
        module = _module(file)
        if module in leave_out or module.partition("/")[0] in leave_out:
            continue
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.AsyncFunctionDef):
                found += [Sending(module, function.name, lines) for lines in _find_lines(function)]
    return found


def _find_lines(function: ast.AsyncFunctionDef) -> Iterator[range]:
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in (*_SENDS, *_REPOSITORY_SENDS)
        ):
            yield range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _module(file: Path) -> str:
    return file.relative_to(STORE).as_posix() if file.is_relative_to(STORE) else file.as_posix()


@dataclass(frozen=True, slots=True)
class Cost:
    """What running a statement once costs."""

    rows: int
    """How many rows and index entries it reads."""
    scans: tuple[str, ...]
    """The scans of whole tables with a history."""
    plan: str


async def measure_cost(database: Database, sent: Sent) -> Cost:
    """Explain the statement, and run it once in a transaction that is rolled back."""
    if isinstance(database, SQLiteFile):
        return _measure_on_sqlite(copy_path(database), sent)
    assert isinstance(database, PostgresDatabase)
    return await _measure_on_postgresql(database.url, sent)


def keep_copy(database: Database) -> None:
    """Copy a SQLite file, so that statements are measured on the rows that existed before the calls."""
    if isinstance(database, SQLiteFile):
        copy_database(database.file, copy_path(database))


def copy_path(database: SQLiteFile) -> Path:
    """Return the path of the copy."""
    return database.file.with_name("before.db")


def _measure_on_sqlite(file: Path, sent: Sent) -> Cost:
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += _STEP
        return 0

    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sent.statement}", sent.values)]
        connection.set_progress_handler(step, _STEP)
        connection.execute("BEGIN")
        with suppress(sqlite3.IntegrityError):  # the row that it inserts exists already
            connection.execute(sent.statement, sent.values).fetchall()
        connection.set_progress_handler(None, 0)
        connection.execute("ROLLBACK")
    whole = tuple(line for line in plan if _is_full_scan(line))
    return Cost(steps // _STEPS_PER_ROW, whole, "\n".join(plan))


_STEPS_PER_ROW = 10
"""Steps of SQLite's virtual machine for one row, about: next entry, some columns, comparisons, a jump."""
_PARTIAL_INDEXES = ("tasks_unsettled", "tasks_forgotten", "tasks_deleted", "tasks_parent", "tasks_token")
"""Partial indexes of few rows: scanning one whole reads only these."""


def _is_full_scan(line: str) -> bool:
    words = line.split()
    return words[0] == "SCAN" and words[1] in HISTORIES and words[-1] not in _PARTIAL_INDEXES


async def _measure_on_postgresql(url: str, sent: Sent) -> Cost:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("BEGIN")
        options = "FORMAT JSON" if sent.statement.startswith("INSERT") else "ANALYZE, TIMING OFF, FORMAT JSON"
        explained = await connection.fetchval(f"EXPLAIN ({options}) {sent.statement}", *sent.values)
    finally:
        await connection.close()
    nodes = list(_walk(json.loads(explained)[0]["Plan"]))
    whole = tuple(
        f"{node['Node Type']} of {node['Relation Name']}"
        for node in nodes
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in HISTORIES and node.get("Actual Loops", 1)
    )
    return Cost(int(sum(map(_count_rows, nodes))), whole, json.dumps([_summarise(node) for node in nodes], indent=1))


def _walk(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _walk(inner)


def _count_rows(node: dict[str, Any]) -> float:
    """Return how many rows a node of the plan read or sorted."""
    if "Scan" not in node["Node Type"] and "Sort" not in node["Node Type"]:
        return 0
    dropped = sum(number for name, number in node.items() if name.startswith("Rows Removed by"))
    return float((node.get("Actual Rows", 0) + dropped) * node.get("Actual Loops", 1))


def _summarise(node: dict[str, Any]) -> dict[str, Any]:
    wanted = ("Node Type", "Relation Name", "Index Name", "Index Cond", "Filter", "Sort Key", "Actual Rows")
    return {name: node[name] for name in wanted if name in node}
