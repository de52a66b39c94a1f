"""The crash matrix: the bot is killed at every point of a task's life, and no payment is lost or repeated.

The bot runs as its own process and is killed with SIGKILL while a fake holds its request at that point.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.domain.task import TaskState
from bot.sandbox.faults import Hold, Slow
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.worker import Timeouts
from tests.conftest import ClusterFor
from tests.support.bot_process import ForkedBot
from tests.support.clips import Clips
from tests.support.crash_assertions import one_message_each, sent_paid_downloaded, settled
from tests.support.crash_points import (
    CLIP,
    EDIT,
    POST,
    RESULT,
    Held,
    InLine,
    OnTheWire,
    Point,
    Refused,
    Rendering,
    ReplyGone,
    scene_on,
    until,
    within,
)
from tests.support.databases import new_database
from tests.support.harness import A_VIDEO, CREATE, Harness, on_stage


@dataclass(frozen=True)
class Crash:
    """One row of the matrix: where the bot is killed, and the task's final state after the restart."""

    name: str
    points: tuple[Point, ...]
    """One point per task, reached in order; the last task is the one under test."""
    state_after_kill: TaskState
    """The task's state in the database after the kill."""
    final_state: TaskState = TaskState.DELIVERED
    sent: int = 1
    """Create calls that FoxAPI received, over all tasks and runs."""
    paid: int = 1
    """Create calls that FoxAPI accepted and charged, over all tasks and runs."""
    downloads: int = 1
    """Requests for the result."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of /extend."""
    settings: dict[str, str] = field(default_factory=dict)
    in_its_reply: bool = True
    """Whether the outcome is shown in the original reply and not in a new message."""


_Q, _P, _S, _R, _D, _U = (
    TaskState.QUEUED,
    TaskState.PREPARING,
    TaskState.SUBMITTING,
    TaskState.RENDERING,
    TaskState.READY,
    TaskState.UNCLEAR,
)
_ONE_PREPARED = {"MAX_PREPARING": "1"}
"""The task whose download is held keeps the next one queued."""
MATRIX = (
    #     killed when a task is ...       at this point                                             its state
    Crash("queued", (Held("discord", "GET", CLIP), InLine()), _Q, sent=2, paid=2, downloads=2, settings=_ONE_PREPARED),
    Crash("preparing", (Held("discord", "GET", CLIP),), _P),
    Crash("sending, the request not out", (OnTheWire(),), _S, final_state=_U, sent=0, paid=0, downloads=0),
    Crash("sending, the request taken", (Held("fox", "POST", CREATE, after=True),), _S, final_state=_U, downloads=0),
    Crash("sending, refused until later", (Refused(retry_after=2),), _S, sent=2),
    Crash("rendering", (Rendering(),), _R),
    Crash("rendering, in private", (Rendering(),), _R, options={"private": True}),
    Crash("completed, not downloaded", (Held("fox", "GET", RESULT),), _R, downloads=2),
    Crash("downloaded, not delivered", (Held("discord", "PATCH", EDIT, with_file=True),), _D),
    Crash("delivered, not recorded", (Held("discord", "PATCH", EDIT, with_file=True, after=True),), _D),
    Crash(
        "delivered in a new message, not recorded",
        (ReplyGone(Held("discord", "POST", POST, with_file=True, after=True)),),
        _D,
        in_its_reply=False,
    ),
)
ALSO_ON_POSTGRESQL = ("sending, the request taken", "rendering", "delivered, not recorded")


Runs = dict[tuple[str, str], asyncio.Task[None]]
"""The running rows, by name and database engine."""


@pytest.fixture(scope="module")
async def runs(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    clips: Clips,
    cluster_for: ClusterFor,
) -> AsyncIterator[Runs]:
    """Run the selected rows, each with its own harness, three at a time, as most of the cost is startup."""
    at_once = asyncio.Semaphore(3)

    async def run(crash: Crash, engine: str) -> None:
        async with at_once, AsyncExitStack() as stack:
            folder, cluster = tmp_path_factory.mktemp("crash"), await cluster_for(engine)
            database = await stack.enter_async_context(new_database(folder / "data", cluster))
            await kill_and_start_again(await stack.enter_async_context(on_stage(folder, clips, database)), crash)

    chosen = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    rows = [(each["crash"], each.get("engine", "sqlite")) for each in chosen if "crash" in each]
    running = {(row.name, engine): asyncio.create_task(run(row, engine)) for row, engine in rows}
    yield running
    for task in running.values():
        task.cancel()
    await asyncio.gather(*running.values(), return_exceptions=True)


@pytest.mark.parametrize("crash", MATRIX, ids=lambda crash: crash.name)
async def test_killed_and_restarted(runs: Runs, crash: Crash, engine: str) -> None:
    """After SIGKILL and a restart: at most one payment, one reply with the correct outcome, and no files left."""
    await runs[crash.name, engine]


@pytest.mark.parametrize(
    "crash", [row for row in MATRIX if row.name in ALSO_ON_POSTGRESQL], ids=lambda crash: crash.name
)
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_killed_and_restarted_on_postgresql(runs: Runs, crash: Crash, engine: str) -> None:
    """The rows that decide about payments, on PostgreSQL; `--engine postgresql` runs all rows there."""
    await runs[crash.name, engine]


async def kill_and_start_again(stage: Harness, crash: Crash) -> None:
    async with scene_on(stage, **crash.settings) as scene:
        for point in crash.points:
            await scene.bring_to(point, **crash.options)
        await scene.process.kill()
        assert scene.rows()[-1].state is crash.state_after_kill
        scene.resume_rendering()
        await scene.process.start()
        await settled(scene, crash.final_state)
        assert sent_paid_downloaded(stage) == (crash.sent, crash.paid, crash.downloads)
        await one_message_each(scene, in_its_reply=crash.in_its_reply)


async def test_killed_in_several_states(stage: Harness) -> None:
    """A task whose bot is killed while preparing, rendering, downloading and delivering still ends normally."""
    rendering = Rendering()
    downloading, delivering = Held("fox", "GET", RESULT), Held("discord", "PATCH", EDIT, with_file=True, after=True)
    async with scene_on(stage) as scene:
        await scene.bring_to(Held("discord", "GET", CLIP))
        await scene.process.kill()
        for point in (rendering, downloading, delivering):
            reached = point.arm(scene)
            await scene.process.start()
            await reached()
            await scene.process.kill()
            scene.resume_rendering()
        await scene.process.start()
        await settled(scene, TaskState.DELIVERED)
        assert sent_paid_downloaded(stage) == (1, 1, 2)
        await one_message_each(scene)


async def test_killed_while_starting(stage: Harness) -> None:
    """After kills before and after resuming several tasks, the third start finishes them all."""
    async with scene_on(stage, MAX_RUNNING="2") as scene:
        points = (Held("discord", "PATCH", EDIT, with_file=True), Rendering(), Rendering(), InLine())
        for point in points:
            await scene.bring_to(point)
        await scene.process.kill()
        for path in ("/v1/models", "/v1/tasks/"):
            reached = Held("fox", "GET", path).arm(scene)
            await scene.process.start()
            await reached()
            await scene.process.kill()
        scene.resume_rendering()
        await scene.process.start()
        await settled(scene, TaskState.DELIVERED)
        assert sent_paid_downloaded(stage) == (4, 4, 4)
        await one_message_each(scene)


@pytest.mark.only_sqlite
async def test_a_second_bot_on_the_same_database_does_not_start(stage: Harness) -> None:
    """The second bot exits with an error and one sentence; the first continues undisturbed."""
    lines: list[str] = []
    async with scene_on(stage) as scene:
        await scene.bring_to(Rendering())
        second = ForkedBot(scene.process.env, stage.folder, lines.append, lambda: None)
        await second.start()
        assert await second.wait() == 1
        scene.resume_rendering()
        await settled(scene, TaskState.DELIVERED)
    (sentence,) = lines
    assert "Another bot is already running on" in sentence
    assert len(stage.fox.payments) == 1


async def test_files_left_by_a_crash_are_removed(stage: Harness) -> None:
    """Files left by a kill between the recorded delivery and their removal are removed at the next start."""
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.until(stage.ana, reply, "Finished")
    left = stage.data / "tasks" / "1"
    left.mkdir(parents=True, exist_ok=True)
    (left / "result.mp4").write_bytes(b"left behind by a crash")
    async with stage.bot():
        await until(lambda: not left.exists())


async def test_a_result_lost_from_disk_is_downloaded_again(stage: Harness) -> None:
    """If the database survives a crash and DATA_DIR does not, the result is downloaded again from FoxAPI's link."""
    delivering = Hold()
    stage.discord.faults.add("PATCH", EDIT, delivering, at_least=A_VIDEO)
    async with stage.bot(Timeouts(shutdown=0.1)):
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await within(delivering.reached)
    shutil.rmtree(stage.data / "tasks")
    async with stage.bot():
        done = await stage.until(stage.ana, reply, "Finished")
    delivering.release.set()
    assert len(done["attachments"]) == 1
    assert sent_paid_downloaded(stage) == (1, 1, 2)


async def test_a_late_edit_of_the_killed_bot_keeps_the_video(stage: Harness) -> None:
    """A progress edit that reaches Discord after the delivery does not remove the attachment."""
    edit, halfway = Hold(), Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    stage.discord.faults.add(
        "PATCH", EDIT, Slow(0)
    )  # the first edit uploads the thumbnail; the rendering edit refers to it
    stage.discord.faults.add("PATCH", EDIT, edit)
    async with stage.bot(Timeouts(shutdown=0.1)):
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await within(edit.reached)
    halfway.release.set()
    async with stage.bot():
        await stage.until(stage.ana, reply, "Finished")
    edit.release.set()
    await stage.discord.faults.wait("PATCH", EDIT, 3)  # all edits are answered now, the late one last
    (attachment,) = stage.ana.seen[reply["id"]]["attachments"]
    assert attachment["filename"].endswith(".mp4")
