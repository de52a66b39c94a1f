"""The rate limiter: evenly spaced permits in FIFO order, shared by all tasks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.sandbox.foxapi import Quirks
from bot.worker import RateLimiter
from tests.benchmarks.pending import max_per_second
from tests.support.clips import Clips
from tests.support.harness import on_stage


async def test_permits_are_evenly_spaced_in_the_order_of_their_requests() -> None:
    """Simultaneous requests get evenly spaced permits; the first request after a quiet time gets one at once."""
    pace = RateLimiter(50)
    waits = [pace.reserve() for _ in range(200)]
    assert waits == sorted(waits)
    assert waits[0] == 0
    assert waits[-1] == pytest.approx(199 / 50, abs=0.05)
    await asyncio.sleep(0)
    late = RateLimiter(1000)
    assert late.reserve() == 0


async def test_pending_tasks_share_the_rate_after_a_restart(tmp_path: Path, clips: Clips) -> None:
    """A bot that is restarted with a dozen rendering tasks polls each of them, within QUERIES_PER_SECOND."""
    tasks, pace = 12, 6
    async with on_stage(tmp_path, clips, at_once=tasks, render_cache={}) as stage:
        stage.fox.quirks = Quirks(stuck=True)
        many = str(tasks)
        async with stage.bot(MAX_RUNNING=many):
            await asyncio.gather(*(stage.extend(stage.ana, clips.plain, f"number {n}") for n in range(tasks)))
            async with asyncio.timeout(40):
                while len(stage.fox.tasks) < tasks:
                    await asyncio.sleep(0.05)
        before = len(stage.fox.faults.calls)
        async with stage.bot(MAX_RUNNING=many, QUERIES_PER_SECOND=str(pace)):
            asked: dict[str, float] = {}
            async with asyncio.timeout(40):
                while len(asked) < tasks:
                    await asyncio.sleep(0.05)
                    new = [call for call in stage.fox.faults.calls[before:] if call.path.startswith("/v1/tasks/")]
                    asked = {call.path: call.at for call in reversed(new)}
        assert max_per_second([call.at for call in new]) <= pace * 1.5, "a slow machine lets some arrive together"
        assert max(asked.values()) - min(asked.values()) >= (tasks - 1) / pace * 0.6, "the first ones may arrive late"


def test_the_maximum_per_second_is_found_in_any_second() -> None:
    """The maximum is counted over sliding seconds, not calendar seconds."""
    assert max_per_second([]) == 0
    assert max_per_second([0.0, 0.9, 1.5, 1.6, 1.7, 5.0]) == 4
