"""Shutdown: SIGTERM ends the bot within 10 s in any state, and no payment is lost or repeated."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.domain.task import TaskState
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.faults import Hold
from bot.worker import Timeouts
from tests.support.crash_assertions import one_message_each, sent_paid_downloaded, settled
from tests.support.crash_points import (
    CLIP,
    EDIT,
    RESULT,
    Held,
    InLine,
    Point,
    Refused,
    Rendering,
    scene_on,
    until,
    within,
)
from tests.support.harness import A_VIDEO, CREATE, Harness


async def test_shutdown_with_a_task_in_every_state(stage: Harness) -> None:
    """SIGTERM ends the bot within 10 s with a task in every state, and the next start finishes them all.

    One second after SIGTERM, Discord answers the edits and FoxAPI the paid request, and none of these responses is
    lost; downloads and waits are cancelled at once.
    """
    answered: list[Point] = [
        Held("discord", "PATCH", EDIT),
        Held("discord", "PATCH", EDIT, with_file=True),
        Held("discord", "PATCH", EDIT, with_file=True, after=True),
        Held("fox", "POST", CREATE, after=True),
    ]
    at_work: list[Point] = [Held("fox", "GET", RESULT), Held("discord", "GET", CLIP), Rendering(), Refused(4)]
    async with scene_on(stage, MAX_RUNNING=str(len(at_work) + 1)) as scene:
        for point in answered:
            await scene.bring_to(point)
        answers = [hold.release for hold in scene.holds]
        # Otherwise the held download might belong to a slow one of these tasks.
        await until(lambda: [row.state for row in scene.rows()[:3]] == [TaskState.READY] * 3)
        for point in (*at_work, InLine()):
            await scene.bring_to(point)
        for answer in answers:
            asyncio.get_running_loop().call_later(1, answer.set)
        assert await stop(scene.process) == 0
        *delivered, sent, downloading, preparing, rendering, refused, waiting = scene.rows()
        assert all(row.state is TaskState.DELIVERED and row.told for row in delivered)
        assert sent.state is TaskState.RENDERING
        assert sent.remote_id
        assert downloading.state is rendering.state is TaskState.RENDERING
        assert preparing.state is TaskState.PREPARING
        assert refused.state is TaskState.SUBMITTING
        assert refused.not_before
        assert waiting.state in {TaskState.QUEUED, TaskState.PREPARING}  # it waits for a slot, prepared or not
        scene.resume_rendering()
        await scene.process.start()
        await settled(scene, TaskState.DELIVERED)
        assert sent_paid_downloaded(stage) == (10, 9, 10)
        await one_message_each(scene)


@pytest.mark.parametrize(
    ("held", "end"),
    [
        (("fox", "POST", CREATE, 0), "Outcome unknown"),
        (("discord", "PATCH", EDIT, 0), "Finished"),
        (("discord", "PATCH", EDIT, A_VIDEO), "Finished"),
    ],
    ids=["paid request", "edit", "delivery"],
)
async def test_shutdown_does_not_wait_forever(stage: Harness, held: tuple[str, str, str, int], end: str) -> None:
    """A response that does not arrive before the shutdown time-out is abandoned, and nothing is paid or shown twice."""
    server, method, path, at_least = held
    answer = Hold(after=True)
    faults = stage.fox.faults if server == "fox" else stage.discord.faults
    faults.add(method, path, answer, at_least=at_least)
    async with stage.bot(Timeouts(shutdown=0.3)):
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await within(answer.reached)
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 3
    async with stage.bot():
        await stage.until(stage.ana, reply, end)
    answer.release.set()
    (shown,) = await stage.ana.messages("videos")
    assert len(shown["attachments"]) == (end == "Finished")
    assert len(stage.fox.payments) == 1


def test_the_shutdown_timeout() -> None:
    """The shutdown time-out leaves a margin before the 10 s after which supervisors kill the process."""
    assert Timeouts().shutdown <= 8


async def test_shutdown_during_startup(stage: Harness) -> None:
    """SIGTERM during a startup that waits for a response ends the bot without an error."""
    asked = Hold()
    stage.fox.faults.add("GET", "/v1/models", asked)
    stage.kind = BotProcess
    async with stage.process() as process:
        await process.start()
        await within(asked.reached)
        assert await stop(process) == 0
    asked.release.set()


async def stop(process: BotProcess) -> int | None:
    """Send SIGTERM, assert that the process ended within 10 s, and return its exit code."""
    began = time.monotonic()
    code = await process.stop()
    assert time.monotonic() - began < 10
    return code
