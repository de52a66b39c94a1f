"""Films on disk after delivery: kept for a while, within the disk's bound, and never a living task's place."""

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


def names(folder: Path) -> list[str]:
    """The names of the files there."""
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


async def put(film_store: FilmStore, folder: Path, task_id: int, size: int, hours: float) -> None:
    """Put a film of that size there, so many hours after noon."""
    film = folder / "made.mp4"
    film.write_bytes(b"x" * size)
    await film_store.save(task_id, film, folder / "none.jpg", NOON + timedelta(hours=hours))


async def test_a_delivered_film_is_kept_and_nothing_else(stage: Harness) -> None:
    """The very file that Discord got, and its still; a failed task leaves nothing."""
    async with stage.bot():
        done = await finished(stage)
        await stage.tidied()
        film = (stage.data / "kept" / "1.mp4").read_bytes()
        assert film == await stage.ana.fetch(done["attachments"][0]["url"])
        stage.fox.next_quirks = Quirks(failure=Failure("content_policy_violation", "no"))
        failed = await stage.extend(stage.ana, small(stage.clips), seconds=3)
        await stage.until(stage.ana, failed, "Failed")
        await stage.tidied()
    assert names(stage.data / "kept") == ["1.jpg", "1.mp4"]


@pytest.mark.parametrize(("days", "there"), [(6.9, True), (7.1, False)])
async def test_it_goes_after_keep_days(stage: Harness, days: float, there: bool) -> None:
    """By default seven days, counted from its delivery."""
    async with stage.bot():
        await finished(stage)
        await stage.tidied()
    stage.clock.advance(days * DAY)
    async with stage.bot():
        if there:
            await asyncio.sleep(0.2)  # what does not happen has no event
        else:
            await until(lambda: "1.mp4" not in names(stage.data / "kept"))
    assert ("1.mp4" in names(stage.data / "kept")) is there


async def test_with_keep_days_0_nothing_is_kept(stage: Harness) -> None:
    """The operator may want that."""
    async with stage.bot(KEEP_DAYS="0"):
        await finished(stage)
        await stage.tidied()
    assert names(stage.data / "kept") == []


async def test_what_the_last_run_did_not_come_to_is_put_away(stage: Harness) -> None:
    """The bot ended between the record of the delivery and the keeping: the next start keeps the film."""
    async with stage.bot():
        await finished(stage)
        await stage.tidied()
    folder = stage.data / "tasks" / "1"
    folder.mkdir()
    (stage.data / "kept" / "1.mp4").rename(folder / "film.mp4")
    (folder / "clip").write_bytes(b"x")
    async with stage.bot():
        await stage.tidied()
    assert names(stage.data / "kept") == ["1.jpg", "1.mp4"]


async def test_a_living_tasks_files_never_go(stage: Harness) -> None:
    """While one renders, time passes and the bot starts anew: kept films go, and it goes on to its end."""
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
    assert names(stage.data / "kept") == ["2.jpg", "2.mp4"]


async def test_the_oldest_go_when_a_new_task_needs_room(tmp_path: Path) -> None:
    """Kept films fill what room is left; no more of them go than must, and none for a folder that is there."""
    workspaces = Workspaces(tmp_path / "tasks", most_bytes=2500)
    for task_id, hours in ((1, 2), (2, 0), (3, 1)):
        await put(workspaces.film_store, tmp_path, task_id, 500, hours)
    await workspaces.create(7, 1000)
    assert list(await workspaces.film_store.list_ids()) == [2, 3, 1]
    await workspaces.create(8, 1000)
    assert list(await workspaces.film_store.list_ids()) == [1]
    assert await workspaces.room() == 500
    assert await workspaces.create(7, 1000) == tmp_path / "tasks" / "7"
    assert list(await workspaces.film_store.list_ids()) == [1]


async def test_the_sweep_is_told_the_time(tmp_path: Path) -> None:
    """What is over its time goes, and so does what belongs to a deleted or unknown task."""
    workspaces = Workspaces(tmp_path / "tasks")
    async with Store.open(f"sqlite+aiosqlite:///{tmp_path}/bot.db") as store:
        for task_id in (1, 2, 3):
            task = await store.tasks.create(an_order(), a_place(100 + task_id), NOON, a_case(an_order()))
            await store.tasks.transition(task, TaskState.DELIVERED, NOON, outcome_shown=True, deleted=task_id == 2)
        for task_id, hours in ((1, 0), (2, 5), (3, 5), (4, 5)):
            await put(workspaces.film_store, tmp_path, task_id, 10, hours)
        await delete_expired_films(workspaces, store, NOON + timedelta(days=1, hours=1), timedelta(days=1))
    assert list(await workspaces.film_store.list_ids()) == [3]
