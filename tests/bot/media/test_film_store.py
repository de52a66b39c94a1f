"""Delivered films on disk: kept for a while, within the size limit, never at the cost of an unfinished task."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.task import TaskState
from bot.media import FilmStore, Workspaces
from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks
from bot.store import Store
from bot.worker.retention import delete_expired_films
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.buttons import DAY, finished, small
from tests.support.crash_points import until
from tests.support.harness import Harness


def list_names(folder: Path) -> list[str]:
    """Return the file names in the folder."""
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


async def put(film_store: FilmStore, folder: Path, task_id: int, size: int, hours: float) -> None:
    """Store a film of this size, so many hours after noon."""
    film = folder / "made.mp4"
    film.write_bytes(b"x" * size)
    await film_store.save(task_id, film, folder / "none.jpg", NOON + timedelta(hours=hours))


async def test_a_delivered_film_is_kept_and_nothing_else(stage: Harness) -> None:
    """The store has the file that Discord got and its thumbnail; a failed task leaves nothing."""
    async with stage.bot():
        done = await finished(stage)
        await stage.tidied()
        film = (stage.data / "kept" / "1.mp4").read_bytes()
        assert film == await stage.ana.fetch(done["attachments"][0]["url"])
        stage.fox.next_quirks = Quirks(failure=Failure("content_policy_violation", "no"))
        failed = await stage.extend(stage.ana, small(stage.clips), seconds=3)
        await stage.until(stage.ana, failed, "Failed")
        await stage.tidied()
    assert list_names(stage.data / "kept") == ["1.jpg", "1.mp4"]


@pytest.mark.parametrize(("days", "there"), [(6.9, True), (7.1, False)])
async def test_a_film_expires_after_keep_days(stage: Harness, days: float, there: bool) -> None:
    """A film is deleted after seven days by default, counted from its delivery."""
    async with stage.bot():
        await finished(stage)
        await stage.tidied()
    stage.clock.advance(days * DAY)
    async with stage.bot():
        if there:
            await asyncio.sleep(0.2)  # the absence of a deletion has no event to wait for
        else:
            await until(lambda: "1.mp4" not in list_names(stage.data / "kept"))
    assert ("1.mp4" in list_names(stage.data / "kept")) is there


async def test_with_keep_days_0_nothing_is_kept(stage: Harness) -> None:
    """With KEEP_DAYS=0 no film is stored."""
    async with stage.bot(KEEP_DAYS="0"):
        await finished(stage)
        await stage.tidied()
    assert list_names(stage.data / "kept") == []


async def test_the_next_start_stores_an_unsaved_film(stage: Harness) -> None:
    """If the bot ended between delivery and storing, the next start stores the film."""
    async with stage.bot():
        await finished(stage)
        await stage.tidied()
    folder = stage.data / "tasks" / "1"
    folder.mkdir()
    (stage.data / "kept" / "1.mp4").rename(folder / "film.mp4")
    (folder / "clip").write_bytes(b"x")
    async with stage.bot():
        await stage.tidied()
    assert list_names(stage.data / "kept") == ["1.jpg", "1.mp4"]


async def test_files_of_an_unfinished_task_stay(stage: Harness) -> None:
    """While a task renders, time passes and the bot restarts: stored films expire, and the task completes."""
    async with stage.bot():
        await finished(stage)
        await stage.tidied()
        halfway = Pause(at=40)
        stage.fox.next_quirks = Quirks(pause=halfway)
        running = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.until(stage.ana, running, "Rendering")
    for file in (stage.data / "kept").iterdir():
        os.utime(file, (0, 0))
    async with stage.bot():
        halfway.release.set()
        await stage.until(stage.ana, running, "Finished")
        await stage.tidied()
    assert list_names(stage.data / "kept") == ["2.jpg", "2.mp4"]


async def test_the_oldest_films_make_room_for_a_new_task(tmp_path: Path) -> None:
    """Stored films use the free space; only as many are deleted as necessary, and none for an existing folder."""
    workspaces = Workspaces(tmp_path / "tasks", max_bytes=2500)
    for task_id, hours in ((1, 2), (2, 0), (3, 1)):
        await put(workspaces.film_store, tmp_path, task_id, 500, hours)
    await workspaces.create(7, 1000)
    assert list(await workspaces.film_store.list_ids()) == [2, 3, 1]
    await workspaces.create(8, 1000)
    assert list(await workspaces.film_store.list_ids()) == [1]
    assert await workspaces.free_bytes() == 500
    assert await workspaces.create(7, 1000) == tmp_path / "tasks" / "7"
    assert list(await workspaces.film_store.list_ids()) == [1]


async def test_the_cleanup_deletes_expired_and_orphaned_films(tmp_path: Path) -> None:
    """The cleanup deletes expired films and films of deleted or unknown tasks."""
    workspaces = Workspaces(tmp_path / "tasks")
    async with Store.open(f"sqlite+aiosqlite:///{tmp_path}/bot.db") as store:
        for task_id in (1, 2, 3):
            task = await store.tasks.create(an_order(), a_place(100 + task_id), NOON, a_case(an_order()))
            await store.tasks.transition(task, TaskState.DELIVERED, NOON, outcome_shown=True, deleted=task_id == 2)
        for task_id, hours in ((1, 0), (2, 5), (3, 5), (4, 5)):
            await put(workspaces.film_store, tmp_path, task_id, 10, hours)
        await delete_expired_films(workspaces, store, NOON + timedelta(days=1, hours=1), timedelta(days=1))
    assert list(await workspaces.film_store.list_ids()) == [3]
