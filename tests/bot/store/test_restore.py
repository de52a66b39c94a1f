"""Backup while tasks run, and restore: nothing is submitted, paid or posted twice, and nothing known is lost."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.limits import GuildLimits
from bot.domain.task import TaskState
from bot.i18n.text import tr
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.store import RestoreResult, Store, StoreUnusable, back_up, restore
from bot.worker import Timeouts
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.crash_assertions import one_message_each, sent_paid_downloaded, settled
from tests.support.crash_points import POST, InLine, Rendering, scene_on, until, within
from tests.support.harness import Harness, Json, text_of


def database_url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/bot.db"


async def make_backup(folder: Path, name: str = "backup.db") -> Path:
    target = folder / name
    await asyncio.to_thread(back_up, database_url(folder), target)
    return target


async def run_restore(folder: Path, backup: Path) -> RestoreResult:
    return await asyncio.to_thread(restore, database_url(folder), backup, datetime.now(UTC))


def rows(folder: Path, columns: str = "id, state, told, billed") -> list[Any]:
    with closing(sqlite3.connect(f"file:{folder}/bot.db?mode=ro", uri=True)) as database:
        return database.execute(f"SELECT {columns} FROM tasks ORDER BY id").fetchall()  # noqa: S608


def lose_database(folder: Path) -> None:
    for file in folder.glob("bot.db*"):
        file.unlink()


async def messages(stage: Harness) -> list[Json]:
    found = [each for channel in (await stage.ana.state())["messages"].values() for each in channel]
    return sorted(found, key=lambda each: int(each["id"]))


@pytest.mark.only_sqlite
async def test_what_was_paid_after_the_backup_is_not_paid_again(stage: Harness) -> None:
    """Two tasks are delivered after the backup, and then the database is lost: the restored bot pays and posts nothing.

    It leaves both replies as they are and records the waiting task as unclear. The next task gets an unused id.
    """
    stage.fox.next_quirks = Quirks(pause=(pause := Pause(at=40)))
    async with stage.bot(MAX_RUNNING="1"):
        first = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await within(pause.reached)
        second = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        # It is prepared, and waits for the running slot.
        await until(lambda: [row[1] for row in rows(stage.data)] == ["rendering", "preparing"])
        backup = await make_backup(stage.data)
        pause.release.set()
        for reply in (first, second):
            await stage.recorded(await stage.until(stage.ana, reply, "Finished"))
    before = await messages(stage)
    lose_database(stage.data)
    done = await run_restore(stage.data, backup)
    assert (done.kept, done.merged, done.unverified, done.unclear) == (None, False, 2, 1)
    async with stage.bot():
        await until(lambda: all(told for _, _, told, _ in rows(stage.data)))
        assert rows(stage.data) == [(1, "delivered", 1, "yes"), (2, "unclear", 1, "unknown")]
        assert sent_paid_downloaded(stage) == (2, 2, 2)
        assert await messages(stage) == before
        third = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.until(stage.ana, third, "Finished")
    assert rows(stage.data, "id")[-1] == (100_001,)
    assert len(stage.fox.payments) == 3


@pytest.mark.only_sqlite
async def test_unverified_tasks_are_continued_or_unclear(stage: Harness) -> None:
    """After the loss of the database, a rendering task is delivered, and the reply of a waiting one says unclear."""
    stage.fox.next_quirks = Quirks(pause=(pause := Pause(at=40)))
    async with stage.bot(Timeouts(shutdown=0.1), MAX_RUNNING="1", EDIT_SECONDS="2"):
        first = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await within(pause.reached)
        second = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        # The second one waits for the running slot, prepared or not.
        waiting = (["rendering", "queued"], ["rendering", "preparing"])
        await until(lambda: [row[1] for row in rows(stage.data)] in waiting)
        backup = await make_backup(stage.data)
    shutil.copy(backup, stage.folder)
    shutil.rmtree(stage.data)
    pause.release.set()
    await run_restore(stage.data, stage.folder / backup.name)
    async with stage.bot():
        film = await stage.until(stage.ana, first, "Finished")
        unknown = await stage.until(stage.ana, second, "Outcome unknown")
        await stage.recorded(film)
    assert len(film["attachments"]) == 1
    assert "may have been billed" in text_of(unknown)
    assert sent_paid_downloaded(stage) == (1, 1, 1)
    assert len(await messages(stage)) == 2


@pytest.mark.only_sqlite
async def test_a_video_in_a_new_message_is_not_posted_again(stage: Harness) -> None:
    """A video that was posted as a new message after the backup is stored for /tasks, and not posted again."""
    stage.fox.next_quirks = Quirks(pause=(pause := Pause(at=40)))
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await within(pause.reached)
        await until(lambda: rows(stage.data)[0][1] == "rendering")
        backup = await make_backup(stage.data)
        message = stage.discord.world.find_message(reply["channel_id"], reply["id"])
        assert message
        stage.discord.world.remove(message)
        pause.release.set()
        (posted,) = await stage.discord.faults.wait("POST", POST)
        await until(lambda: bool(rows(stage.data)[0][2]))
    before = await messages(stage)
    shutil.rmtree(stage.data / "kept")
    lose_database(stage.data)
    await run_restore(stage.data, backup)
    async with stage.bot():
        await until(lambda: rows(stage.data) == [(1, "delivered", 1, "yes")])
    assert await messages(stage) == before
    assert stage.discord.faults.matching("POST", POST) == [posted]
    assert (stage.data / "kept" / "1.mp4").is_file()


@pytest.mark.only_sqlite
async def test_a_restore_right_after_a_kill_loses_nothing(stage: Harness) -> None:
    """If the killed bot's database is readable, its records are merged, and every task continues."""
    async with scene_on(stage, MAX_RUNNING="1") as scene:
        for point in (Rendering(), InLine()):
            await scene.bring_to(point)
        backup = await make_backup(stage.data)
        with pytest.raises(StoreUnusable, match="Another bot is already running"):
            await run_restore(stage.data, backup)
        await scene.process.kill()
        done = await run_restore(stage.data, backup)
        assert (done.merged, done.unverified) == (True, 0)
        assert done.kept
        assert done.kept.is_file()
        scene.resume_rendering()
        await scene.process.start()
        await settled(scene, TaskState.DELIVERED)
        assert sent_paid_downloaded(stage) == (2, 2, 2)
        await one_message_each(scene)


async def create_tasks(folder: Path, count: int) -> None:
    async with Store.open(database_url(folder)) as store:
        for number in range(count):
            order = an_order(prompt=f"task {number}")
            await store.tasks.create(order, a_place(100 + number), NOON, a_case(order))


async def test_records_since_the_backup_are_merged(tmp_path: Path) -> None:
    """Limits come from the backup; tasks ended, deleted or created since are as in the replaced database."""
    await create_tasks(tmp_path, 3)
    async with Store.open(database_url(tmp_path)) as store:
        await store.guilds.change(22, lambda _: GuildLimits(user_per_day=7))
    backup = await make_backup(tmp_path)
    async with Store.open(database_url(tmp_path)) as store:
        await store.guilds.change(22, lambda _: GuildLimits(user_per_day=1))
        for number in (1, 2):
            task = await store.tasks.get(number)
            assert task
            await store.tasks.transition(task, TaskState.FAILED, NOON, outcome_shown=True, reason=tr("no"))
        await store.retention.delete_member(11, NOON)
    done = await run_restore(tmp_path, backup)
    async with Store.open(database_url(tmp_path)) as store:
        limits = await store.guilds.get_limits(22)
        assert limits
        assert limits.user_per_day == 7
        assert await store.tasks.get(1) is None
        order = an_order()
        assert (await store.tasks.create(order, a_place(900), NOON, a_case(order))).id == 4
    assert rows(tmp_path, "id, state") == [(3, "queued"), (4, "queued")]
    assert (done.merged, done.unverified) == (True, 0)


async def test_a_backup_from_before_an_earlier_restore_has_orphaned_ids(tmp_path: Path) -> None:
    """Tasks that the restored database never had are unverified, although its own records are merged."""
    await create_tasks(tmp_path, 1)
    old = await make_backup(tmp_path, "old.db")
    async with Store.open(database_url(tmp_path)) as store:
        await store.tasks.create(an_order(), a_place(500), NOON, a_case(an_order()))
    newer = await make_backup(tmp_path, "newer.db")
    lose_database(tmp_path)
    await run_restore(tmp_path, old)
    done = await run_restore(tmp_path, newer)
    assert (done.merged, done.unverified, done.unclear) == (True, 1, 1)
    assert rows(tmp_path, "id, state") == [(1, "unclear"), (2, "unclear")]


async def test_an_older_current_database_is_not_merged(tmp_path: Path) -> None:
    """A current database older than the backup (a disk snapshot, say) is refused: it would pay a task again."""
    await create_tasks(tmp_path, 1)
    older = await make_backup(tmp_path, "older.db")
    async with Store.open(database_url(tmp_path)) as store:
        task = await store.tasks.get(1)
        assert task
        await store.tasks.transition(task, TaskState.RENDERING, NOON + timedelta(seconds=5), remote_id="paid")
    newer = await make_backup(tmp_path, "newer.db")
    lose_database(tmp_path)
    shutil.copy(older, tmp_path / "bot.db")
    with pytest.raises(StoreUnusable, match="does not continue this backup"):
        await run_restore(tmp_path, newer)
    lose_database(tmp_path)
    await run_restore(tmp_path, newer)
    assert rows(tmp_path, "state, remote_id") == [("rendering", "paid")]


async def test_another_bots_unfinished_tasks_are_kept(tmp_path: Path) -> None:
    """A database that does not continue the backup and has unfinished tasks is not replaced."""
    await create_tasks(tmp_path, 3)
    backup = await make_backup(tmp_path)
    lose_database(tmp_path)
    await create_tasks(tmp_path, 1)
    with pytest.raises(StoreUnusable, match=r"has unfinished tasks \(1\)"):
        await run_restore(tmp_path, backup)
    assert rows(tmp_path, "id") == [(1,)]
    assert not list(tmp_path.glob("*.restoring*"))


async def test_a_damaged_database_is_set_aside(tmp_path: Path) -> None:
    """An unreadable database is kept under a dated name, and the backup's tasks are unverified."""
    await create_tasks(tmp_path, 2)
    backup = await make_backup(tmp_path)
    lose_database(tmp_path)
    (tmp_path / "bot.db").write_bytes(b"this is no database" * 100)
    done = await run_restore(tmp_path, backup)
    assert done.kept
    assert done.kept.read_bytes().startswith(b"this is no database")
    assert (done.unverified, done.unclear) == (2, 2)
    assert {state for _, state, _, _ in rows(tmp_path)} == {"unclear"}


async def test_a_backup_is_private_whole_and_overwrites_nothing(tmp_path: Path) -> None:
    """A backup is one file of mode 0600 without a log, and never overwrites a file."""
    await create_tasks(tmp_path, 2)
    backup = await make_backup(tmp_path)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.glob("backup*")] == ["backup.db"]
    content = backup.read_bytes()
    with pytest.raises(StoreUnusable, match="exists and is not overwritten"):
        await make_backup(tmp_path)
    assert backup.read_bytes() == content


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.unlink(), "There is no file"),
        (lambda file: file.write_bytes(b"x" * 5000), "cannot be read as a database"),
        (lambda file: file.write_bytes(b""), "is not a backup"),
    ],
    ids=["missing", "no database", "empty"],
)
async def test_what_is_no_backup_is_refused(tmp_path: Path, spoil: Any, says: str) -> None:
    """A file that is not a backup is refused with one sentence, and the database is unchanged."""
    await create_tasks(tmp_path, 1)
    backup = await make_backup(tmp_path)
    spoil(backup)
    with pytest.raises(StoreUnusable, match=says):
        await run_restore(tmp_path, backup)
    assert rows(tmp_path, "id") == [(1,)]


async def test_a_newer_backup_is_refused(tmp_path: Path) -> None:
    """A backup of a newer version is refused."""
    await create_tasks(tmp_path, 1)
    backup = await make_backup(tmp_path)
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreUnusable, match="newer version"):
        await run_restore(tmp_path, backup)


async def test_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    """Without a database, the backup fails with a message and creates no file."""
    with pytest.raises(StoreUnusable, match="There is no database"):
        await make_backup(tmp_path)
    assert list(tmp_path.iterdir()) == []
