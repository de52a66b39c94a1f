"""Two processes on one PostgreSQL, of which one dies, or is paused and comes back, and the other goes on.

SIGSTOP is what a machine that hangs, a suspended virtual machine or a long collection of garbage looks like.
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
async def two(stage: Harness, point: Point) -> AsyncIterator[tuple[Scene, BotProcess]]:
    """A scene with the bot and its one task at `point`; and a worker, not started, for else it might be its task."""
    async with (
        scene_on(stage, LEASE_SECONDS=LEASE) as scene,
        stage.process("worker", LEASE_SECONDS=LEASE) as worker,
    ):
        await scene.bring_to(point)
        yield scene, worker


def processes(stage: Harness) -> int:
    """How many count as alive."""
    ((count,),) = stage.database.sql("SELECT count(*) FROM processes")
    return int(count)


def send(scene: Scene, number: signal.Signals) -> None:
    """Send the first process a signal."""
    assert scene.process.pid
    os.kill(scene.process.pid, number)


async def pause(scene: Scene) -> None:
    """Stop the first process between two transactions: one that it is in would be aborted only after five seconds."""
    busy = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while True:
        send(scene, signal.SIGSTOP)
        if not scene.stage.database.sql(f"{busy} AND state <> 'idle'"):
            return
        send(scene, signal.SIGCONT)
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
    """Nobody starts it again: the worker brings its task to the one right end, paid once, in the one reply."""
    async with two(stage, point) as (scene, worker):
        await worker.start()
        await until(lambda: processes(stage) == 2)
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
async def test_a_paused_process_that_comes_back(stage: Harness, point: Point, end: TaskState, downloads: int) -> None:
    """What it lost meanwhile it neither submits nor delivers nor writes; then it takes its part in the work again."""
    async with two(stage, point) as (scene, worker):
        await pause(scene)
        await worker.start()
        await settled(scene, end)
        (before,) = stage.database.sql("SELECT * FROM tasks")
        edits = len(stage.discord.faults.matching("PATCH", EDIT))
        scene.let_go()
        send(scene, signal.SIGCONT)
        await until(lambda: any("was silent for too long" in line for line in stage.lines))
        await until(lambda: processes(stage) == 2)
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
