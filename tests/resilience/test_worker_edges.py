"""What the worker believes of itself: its lease, its database and its paid request."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.faults import Answer, Hold
from bot.worker import Timeouts
from tests.support.clips import Clips
from tests.support.crash_points import until, within
from tests.support.fast_timeouts import DONE, QUERY, STEADY, posts, tiny
from tests.support.harness import CREATE, Harness

UNHURRIED = Timeouts(first_gap=60)
"""Only the first gap of retries is not the usual one, so that a test would notice a wait for it."""


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


@pytest.mark.only_sqlite
async def test_a_notification_ends_the_wait_after_an_outage(
    stage: Harness, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the database fails, scans are at most five seconds apart, and a new task is seen at once afterwards."""
    async with stage.bot(replace(UNHURRIED, queue_scan=0.05), **STEADY):
        await stage.until(stage.ben, await stage.extend(stage.ben, clip, seconds=2), DONE)
        await asyncio.to_thread(stage.database.sql, "ALTER TABLE tasks RENAME COLUMN state TO away")
        await until(lambda: "could not scan for tasks" in caplog.text)
        await asyncio.to_thread(stage.database.sql, "ALTER TABLE tasks RENAME COLUMN away TO state")
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, DONE)


async def test_a_second_cancellation_does_not_orphan_the_paid_answer(stage: Harness, clip: Path) -> None:
    """A job that is cancelled twice while it waits for the paid answer still records it, and sends nothing again."""
    answering = Hold(after=True)
    stage.fox.faults.add("POST", CREATE, answering)
    async with stage.bot(None, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(answering.reached)
        (job,) = [task for task in asyncio.all_tasks() if task.get_name() == "task 1"]
        for _ in range(2):
            job.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
        assert not job.done()
        answering.release.set()
        await asyncio.wait({job})
        ((state, remote_id),) = stage.database.sql("SELECT state, remote_id FROM tasks")
        assert state == "rendering"
        assert remote_id
        await stage.until(stage.ana, reply, DONE)
    assert posts(stage) == len(stage.fox.payments) == 1


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_process_taken_for_dead_claims_nothing(
    stage: Harness, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It claims none of its tasks again until it has registered anew, and then each of them once."""
    caplog.set_level(logging.INFO)
    rendering = stage.fox.faults.add("GET", QUERY, Answer(200, '{"status": "processing", "progress": 30}'), times=None)
    async with stage.bot(replace(Timeouts(), queue_scan=0.02), MAX_RUNNING="5", LEASE_SECONDS="4", **STEADY):
        replies = [await stage.extend(stage.ana, clip, seconds=2) for _ in range(3)]
        await until(lambda: stage.database.sql("SELECT count(*) FROM tasks WHERE state = 'rendering'") == [(3,)])
        await asyncio.to_thread(stage.database.sql, "DELETE FROM processes")
        await until(lambda: "was silent for too long" in caplog.text)
        stage.fox.faults.remove(rendering)
        for reply in replies:
            await stage.until(stage.ana, reply, DONE)
    assert sorted(each for each in caplog.messages if "resumes from" in each) == [
        f"task {number} resumes from rendering" for number in (1, 2, 3)
    ]
    assert posts(stage) == 3
