"""Upgrades from every released schema, tried on a copy first, with the old state kept."""

from __future__ import annotations

import json
import logging
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import bot.store
from bot.domain.task import TaskState
from bot.i18n.text import tr
from bot.store import Store, StoreUnusable
from tests.support.builders import NOON, a_place, an_order

Rows = dict[str, list[dict[str, Any]]]


def config_for(connection: object = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


VERSIONS = [script.revision for script in ScriptDirectory.from_config(config_for()).walk_revisions()][::-1]
MOMENT = NOON.strftime("%Y-%m-%d %H:%M:%S.%f")
CLIP = json.dumps(
    {"seconds": 4, "width": 640, "height": 360, "video_codec": "h264", "container": "mp4", "fps": 30, "audio": True}
    | {"size": 1000}
)


def build(file: Path, version: str) -> None:
    """Create a database of that version: a task in every state, and a row in every other table."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        command.upgrade(config_for(connection), version)
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        for number, state in enumerate(TaskState, 1):
            insert(connection, "tasks", a_row(number, state, version))
        insert(connection, "notes", {"name": "commands", "value": "abc"})
        if version >= "0002":
            limits = json.dumps({"user_per_day": 4})
            insert(connection, "servers", {"home": 22, "limits": limits, "server_running": 2, "turn": 9})
            insert(connection, "members", {"home": 22, "user_id": 11, "granted": 3, "turn": 9})
        if version >= "0003":
            share = {"task_id": 6, "guild_id": 22, "channel_id": 33, "user_id": 11, "hidden": 0, "tried_at": MOMENT}
            share |= {"posted_at": MOMENT, "posted_in": 33, "message_id": 77, "stars": 2}
            insert(connection, "shares", share)
            insert(connection, "showcases", {"guild_id": 22, "channel_id": 33})
        if version >= "0004":
            insert(connection, "wishes", {"user_id": 11, "notify": "never"})
        if version >= "0014":
            insert(connection, "tallies", {"home": 22, "day": "2026-11-01", "delivered": 3})
        connection.commit()


def a_row(number: int, state: TaskState, version: str) -> dict[str, Any]:
    order, place = an_order(prompt=f"猫 {number}"), a_place(100 + number).model_dump(mode="json")
    place["token_ends"] = place.pop("token_expires_at")  # the name in the stored JSON
    row: dict[str, Any] = {
        "state": state.value,
        "user_id": 11,
        "guild_id": 22,
        "message_id": 100 + number,
        "order": order.model_dump_json(),
        "place": json.dumps(place | {"token": "a-secret-token"}),
        "created_at": MOMENT,
        "changed_at": MOMENT,
        "clip": CLIP,
        "head_ends": 0.5,
        "remote_id": f"remote-{number}" if number > 3 else None,
        "progress": 40,
        "overdue": 0,
        "billed": "yes" if state is TaskState.DELIVERED else "no",
        "told": 1 if state is TaskState.DELIVERED else 0,
    }
    return row | ({"home": 22, "seconds": 6, "credits": 5.0} if version >= "0002" else {})


def insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    columns, signs = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({signs})", list(row.values()))  # noqa: S608


def everything(file: Path) -> Rows:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")] for table in tables}  # noqa: S608


def test_every_version_is_known() -> None:
    """The released versions still exist, in order."""
    assert VERSIONS[:4] == ["0001", "0002", "0003", "0004"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_forward_from_every_version(tmp_path: Path, version: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every value survives the upgrade, tasks continue, and a copy of the old state is kept."""
    file = tmp_path / "bot.db"
    build(file, version)
    before = everything(file)
    with caplog.at_level(logging.INFO):
        async with Store.open(f"sqlite+aiosqlite:///{file}") as store:
            going_on = [task.state for task in await store.tasks.list_unfinished()]
            first = await store.tasks.get(1)
            notify = await store.tasks.get_notify_preference(11)
    after = everything(file)
    for table, rows in before.items():
        if table != "alembic_version":
            assert [{name: row[name] for name in old} for row, old in zip(after[table], rows, strict=True)] == rows
    assert after["alembic_version"] == [{"version_num": VERSIONS[-1]}]
    assert going_on == [state for state in TaskState if state not in {TaskState.QUEUED, TaskState.DELIVERED}]
    assert first
    assert (first.order.prompt, first.place.token.get_secret_value()) == ("猫 1", "a-secret-token")
    assert notify == ("never" if version >= "0004" else "auto")
    kept = tmp_path / "bot.db.before-upgrade"
    assert kept.exists() == (version != VERSIONS[-1])
    if kept.exists():
        assert everything(kept) == before
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert str(kept) in caplog.text
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob("*.trial"))


async def test_tokens_of_settled_tasks_are_deleted_after_an_upgrade(tmp_path: Path) -> None:
    """The first retention run deletes tokens that an older version kept, and marks their rows as without one."""
    file = tmp_path / "bot.db"
    build(file, "0011")
    async with Store.open(f"sqlite+aiosqlite:///{file}") as store:
        await store.retention.delete_tokens(NOON + timedelta(days=1))
    rows = everything(file)["tasks"]
    held = {row["state"]: (json.loads(row["place"])["token"] != "", bool(row["has_token"])) for row in rows}
    assert held.pop("delivered") == (False, False)
    assert set(held.values()) == {(True, True)}


async def test_an_upgrade_that_fails_on_the_copy_changes_nothing(tmp_path: Path) -> None:
    """An upgrade that fails (a table exists already) gives one sentence and leaves the database unchanged."""
    file = tmp_path / "bot.db"
    build(file, "0003")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE wishes (something TEXT)")
        connection.commit()
    before = everything(file)
    with pytest.raises(StoreUnusable, match=r"was not changed.*table wishes already exists"):
        async with Store.open(f"sqlite+aiosqlite:///{file}"):
            pass
    assert everything(file) == before
    assert sorted(each.name for each in tmp_path.iterdir() if "-" not in each.name) == ["bot.db", "bot.db.lock"]


async def test_only_the_latest_state_before_an_upgrade_is_kept(tmp_path: Path) -> None:
    """A second upgrade's copy replaces the first one's."""
    file = tmp_path / "bot.db"
    for version in ("0001", "0003"):
        file.unlink(missing_ok=True)
        build(file, version)
        async with Store.open(f"sqlite+aiosqlite:///{file}"):
            pass
    assert everything(tmp_path / "bot.db.before-upgrade")["alembic_version"] == [{"version_num": "0003"}]
    assert len(list(tmp_path.glob("*before*"))) == 1


async def test_the_copy_before_an_upgrade_is_a_backup(tmp_path: Path) -> None:
    """The copy can be restored, and the tasks' changes since are merged."""
    from tests.bot.store.test_restore import make_backup, run_restore

    file = tmp_path / "bot.db"
    build(file, "0002")
    async with Store.open(f"sqlite+aiosqlite:///{file}") as store:
        task = await store.tasks.get(4)
        assert task
        await store.tasks.transition(task, TaskState.FAILED, NOON, reason=tr("since then"))
    done = await run_restore(tmp_path, tmp_path / "bot.db.before-upgrade")
    assert (done.merged, done.unverified) == (True, 0)
    async with Store.open(f"sqlite+aiosqlite:///{file}") as store:
        task = await store.tasks.get(4)
        assert task
        assert str(task.reason) == "since then"
    assert (await make_backup(tmp_path)).is_file()
