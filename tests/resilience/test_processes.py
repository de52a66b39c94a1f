"""Two processes on one PostgreSQL: one is killed, or paused and resumed, and the other takes over.

SIGSTOP simulates a hanging machine, a suspended virtual machine or a long garbage collection.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.domain.task import TaskState
from bot.sandbox.bot_process import BotProcess
from tests.support.crash_assertions import one_message_each, sent_paid_downloaded, settled
from tests.support.crash_points import CLIP, EDIT, RESULT, Held, Point, Rendering, Scene, scene_on, until
from tests.support.harness import CREATE, Harness

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
LEASE = "4"


@asynccontextmanager
async def open_scene_and_worker(stage: Harness, point: Point) -> AsyncIterator[tuple[Scene, BotProcess]]:
    """Yield a scene with the bot's task at `point`, and a worker not yet started, so that it cannot claim the task."""
    async with (
        scene_on(stage, LEASE_SECONDS=LEASE) as scene,
        stage.process("worker", LEASE_SECONDS=LEASE) as worker,
    ):
        await scene.bring_to(point)
        yield scene, worker


def count_processes(stage: Harness) -> int:
    """Count the registered processes."""
    ((count,),) = stage.database.sql("SELECT count(*) FROM processes")
    return int(count)


def send_signal(scene: Scene, number: signal.Signals) -> None:
    """Send the first process a signal."""
    assert scene.process.pid
    os.kill(scene.process.pid, number)


async def pause_process(scene: Scene) -> None:
    """Stop the first process between two transactions; an open one would be aborted only after five seconds."""
    busy = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while True:
        send_signal(scene, signal.SIGSTOP)
        if not scene.stage.database.sql(f"{busy} AND state <> 'idle'"):
            return
        send_signal(scene, signal.SIGCONT)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("point", "end", "downloads"),
    [
        (Held("discord", "GET", CLIP), TaskState.DELIVERED, 1),
        (Held("fox", "POST", CREATE, after=True), TaskState.UNCLEAR, 0),
        (Rendering(), TaskState.DELIVERED, 1),
        (Held("discord", "PATCH", EDIT, with_file=True, after=True), TaskState.DELIVERED, 1),
    ],
    ids=["preparing", "sending", "rendering", "delivered, not recorded"],
)
async def test_a_killed_processs_tasks_are_taken_over(
    stage: Harness, point: Point, end: TaskState, downloads: int
) -> None:
    """The worker finishes a killed process's task correctly, paid once, in the same reply."""
    async with open_scene_and_worker(stage, point) as (scene, worker):
        await worker.start()
        await until(lambda: count_processes(stage) == 2)
        await scene.process.kill()
        scene.resume_rendering()
        await settled(scene, end)
        assert sent_paid_downloaded(stage) == (1, 1, downloads)
        await one_message_each(scene)


@pytest.mark.parametrize(
    ("point", "end", "downloads"),
    [
        (Held("discord", "GET", CLIP), TaskState.DELIVERED, 1),
        (Held("fox", "POST", CREATE, after=True), TaskState.UNCLEAR, 0),
        (Held("fox", "GET", RESULT), TaskState.DELIVERED, 2),
    ],
    ids=["before it submits", "while it submits", "before it delivers"],
)
async def test_a_paused_process_that_resumes(stage: Harness, point: Point, end: TaskState, downloads: int) -> None:
    """A resumed process neither submits, delivers nor writes the task it lost, and then takes new tasks again."""
    async with open_scene_and_worker(stage, point) as (scene, worker):
        await pause_process(scene)
        await worker.start()
        await settled(scene, end)
        (before,) = stage.database.sql("SELECT * FROM tasks")
        edits = len(stage.discord.faults.matching("PATCH", EDIT))
        scene.let_go()
        send_signal(scene, signal.SIGCONT)
        await until(lambda: any("was silent for too long" in line for line in stage.lines))
        await until(lambda: count_processes(stage) == 2)
        await scene.bring_to(Rendering())
        scene.resume_rendering()
        await until(lambda: len(scene.rows()) == 2 and all(row.told for row in scene.rows()))
        (now,) = stage.database.sql("SELECT * FROM tasks WHERE id = 1")
        assert now == before
        sent, paid, downloaded = sent_paid_downloaded(stage)
        assert (sent - 1, paid - 1, downloaded - 1) == (1, 1, downloads)
        first = scene.replies[0]["id"]
        late = stage.discord.faults.matching("PATCH", EDIT)[edits:]
        assert not [call for call in late if call.path.endswith(first)]
        await one_message_each(scene)
