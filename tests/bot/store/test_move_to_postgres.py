"""The move from a SQLite file to PostgreSQL, also by the operator's command."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.task import TaskState
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.store import StoreUnusable, inspect
from bot.store.admin.move_to_postgres import _TABLES, move
from bot.store.engines.sqlite_file import read_moved_marker, set_moved_marker
from bot.store.tables import notes
from bot.worker import Timeouts
from tests.bot.store.test_upgrade import VERSIONS, build
from tests.support.crash_points import until, within
from tests.support.databases import Database
from tests.support.harness import CREATE, Harness

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database of an older version, with a task in every state and a row in every other table."""
    made = tmp_path / "old.db"
    build(made, VERSIONS[-2])
    return made


async def run_move(file: Path, url: str) -> Any:
    return await asyncio.to_thread(move, file, url)


async def read_rows(url: str, file: Path) -> dict[str, list[Any]]:
    """Return all rows of the moved tables, without the mark, the holders and what the older `file` lacks."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as old:
        known = {table.name: {row[1] for row in old.execute(f'PRAGMA table_info("{table.name}")')} for table in _TABLES}
    engine = create_async_engine(url)
    found = {}
    async with engine.connect() as connection:
        for table in _TABLES:
            if not known[table.name]:  # a table that the older file lacks
                continue
            names = known[table.name] - {"holder"}
            wanted = select(*[column for column in table.columns if column.name in names])
            wanted = wanted.where(notes.c.name == "commands") if table is notes else wanted
            found[table.name] = [tuple(row) for row in (await connection.execute(wanted)).all()]
    await engine.dispose()
    return found


async def test_totals_of_deleted_tasks_are_moved(tmp_path: Path, database: Database) -> None:
    """The totals of deleted tasks, which /usage counts, are moved."""
    build(file := tmp_path / "new.db", VERSIONS[-1])
    await run_move(file, database.url)
    assert database.sql("SELECT home, day, delivered FROM tallies") == [(22, "2026-11-01", 3)]


async def test_every_row_is_moved_and_the_file_renamed(file: Path, database: Database) -> None:
    """Every row and value is moved, ids continue, and the renamed file is marked, so that no bot uses it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = 500 WHERE name = 'tasks'")
        connection.commit()
    done = await run_move(file, database.url)
    assert (done.tasks, done.unfinished, file.exists()) == (len(TaskState), len(TaskState) - 1, False)
    old = await read_rows(f"sqlite+aiosqlite:///{done.kept}", done.kept)
    assert await read_rows(database.url, done.kept) == old
    assert all(old.values())
    assert database.sql("SELECT nextval(pg_get_serial_sequence('tasks', 'id'))") == [(501,)]
    assert read_moved_marker(done.kept)


async def test_unfinished_tasks_go_on(stage: Harness) -> None:
    """A rendering and a queued task are moved; the bot on PostgreSQL delivers both, each paid once."""
    old = f"sqlite+aiosqlite:///{stage.folder}/old.db"
    stage.fox.next_quirks = Quirks(pause=(pause := Pause(at=40)))
    async with stage.bot(Timeouts(shutdown=0.1), MAX_RUNNING="1", DATABASE_URL=old):
        first = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await within(pause.reached)
        second = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
    done = await run_move(stage.folder / "old.db", stage.database.url)
    assert (done.tasks, done.unfinished) == (2, 2)
    pause.release.set()
    async with stage.bot():
        for reply in (first, second):
            await stage.recorded(await stage.until(stage.ana, reply, "Finished"))
    assert len(stage.fox.payments) == len(stage.fox.faults.matching("POST", CREATE)) == 2


async def test_the_command_line(stage: Harness, file: Path) -> None:
    """The command prints its result; a second run finds no file, and a bot on a marked file says what to do."""
    done, again = [await run(stage, "move", str(file)) for _ in range(2)]
    assert done[0] == 0
    assert done[1].endswith("Start the bot with the same DATA_DIR.")
    assert f"{len(TaskState)} tasks, {len(TaskState) - 1} of them unfinished" in stage.lines[0]
    assert again[0] == 1
    assert "There is no file" in again[1]
    kept = file.with_name("old.db.moved")
    code, words = await run(stage, DATABASE_URL=f"sqlite+aiosqlite:///{kept}")
    assert (code, "was moved to PostgreSQL: set DATABASE_URL to the PostgreSQL" in words) == (1, True)
    with pytest.raises(StoreUnusable, match="was moved to PostgreSQL"):
        await asyncio.to_thread(inspect, f"sqlite+aiosqlite:///{kept}")


async def run(stage: Harness, *arguments: str, **changes: str) -> tuple[int | None, str]:
    """Run the command line; return the exit code and the end of the last line."""
    async with stage.process(*arguments, **changes) as process:
        await process.start()
        code = await process.wait()
    return code, stage.lines[-1].rpartition("; ")[2]


async def test_an_interrupted_move_is_made_again(file: Path, database: Database) -> None:
    """Interrupted between mark and copy, the move is repeated; between copy and renaming, no row is moved twice."""
    set_moved_marker(file, "a mark")
    done = await run_move(file, database.url)
    done.kept.rename(file)
    before = await read_rows(database.url, file)
    again = await run_move(file, database.url)
    assert (again.tasks, again.kept.exists()) == (len(TaskState), True)
    assert await read_rows(database.url, again.kept) == before


async def test_what_cannot_be_moved_is_one_sentence(file: Path, database: Database, tmp_path: Path) -> None:
    """Wrong files, wrong addresses, a used database and a row that PostgreSQL refuses move nothing."""
    (tmp_path / "text").write_text("no database")
    for wrong, url, words in (
        (tmp_path / "none.db", database.url, "There is no file"),
        (tmp_path / "text", database.url, "cannot be read as a database"),
        (file, f"sqlite+aiosqlite:///{tmp_path}/new.db", "must name the PostgreSQL database"),
        (file, database.url.rpartition("/")[0] + "/nowhere", "has no database nowhere"),
    ):
        with pytest.raises(StoreUnusable, match=words):
            await run_move(wrong, url)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE tasks SET remote_id = 'too' || char(0) || 'bad' WHERE id = 7")
        connection.commit()
    with pytest.raises(StoreUnusable, match="The move failed"):
        await run_move(file, database.url)
    assert (read_moved_marker(file), database.sql("SELECT count(*) FROM tasks")) == (None, [(0,)])
    database.sql("INSERT INTO servers (home, turn) VALUES (5, 1)")
    with pytest.raises(StoreUnusable, match="is not empty"):
        await run_move(file, database.url)
    await until(lambda: read_moved_marker(file) is None)
