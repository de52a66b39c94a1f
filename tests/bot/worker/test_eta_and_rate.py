"""How often FoxAPI is asked: seldom at first, often near the expected end, and all tasks together at one pace."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from bot.domain.task import TaskState
from bot.sandbox.foxapi import Quirks
from bot.worker import RateLimiter
from bot.worker.eta import next_poll
from tests.benchmarks.pending import max_per_second
from tests.support.builders import NOON, a_task
from tests.support.clips import Clips
from tests.support.harness import on_stage

LEAST = 5.0


def the_queries(takes: float, lasts: float) -> list[float]:
    """When a task is asked for that should take so many seconds, and that FoxAPI does not tell the progress of."""
    task = a_task(state=TaskState.RENDERING, submitted_at=NOON, expected_at=NOON + timedelta(seconds=takes))
    moments, now = [], 0.0
    while now < lasts:
        now += next_poll(task, NOON + timedelta(seconds=now), LEAST)
        moments.append(now)
    return moments


@pytest.mark.parametrize("takes", [20, 45, 120, 400])
def test_queries_come_seldom_at_first_and_often_near_the_expected_end(takes: float) -> None:
    """The gaps shrink towards the expected end, down to the least gap, and never below it."""
    moments = the_queries(takes, takes)
    backoff = [later - sooner for sooner, later in pairwise([0.0, *moments])]
    assert backoff == sorted(backoff, reverse=True)
    assert backoff[0] >= min(takes / 2, 6 * LEAST)
    assert backoff[-1] == LEAST
    assert moments[-1] - takes <= LEAST


@pytest.mark.parametrize("takes", [45, 60, 120, 300])
def test_half_the_queries_of_fixed_polling_are_enough(takes: float) -> None:
    """A task that takes as long as expected is asked for at most half as often as every five seconds."""
    assert len(the_queries(takes, takes)) <= takes / LEAST / 2


def test_what_takes_far_too_long_is_asked_for_seldom_again_but_is_not_forgotten() -> None:
    """Soon after the expected end the gaps are the least; later they grow, but to no more than a bound."""
    moments = the_queries(60, 3600)
    soon = [later - sooner for sooner, later in pairwise(moments) if 60 <= sooner <= 75]
    late = [later - sooner for sooner, later in pairwise(moments) if sooner > 1200]
    assert set(soon) == {LEAST}
    assert max(late) == 6 * LEAST


def test_of_a_task_of_which_nothing_is_known_every_least_gap_is_used() -> None:
    """Without any estimate there is no "near the end": it is asked for as often as is allowed."""
    assert next_poll(a_task(state=TaskState.RENDERING, submitted_at=NOON), NOON, LEAST) == LEAST


async def test_turns_are_apart_and_in_the_order_in_which_they_were_taken() -> None:
    """However many come at once, their turns are evenly apart; who comes after a quiet time waits for nobody."""
    pace = RateLimiter(50)
    waits = [pace.reserve() for _ in range(200)]
    assert waits == sorted(waits)
    assert waits[0] == 0
    assert waits[-1] == pytest.approx(199 / 50, abs=0.05)
    await asyncio.sleep(0)
    late = RateLimiter(1000)
    assert late.reserve() == 0


async def test_many_pending_tasks_are_asked_for_at_one_pace_after_a_restart(tmp_path: Path, clips: Clips) -> None:
    """A dozen tasks are being rendered when the bot starts anew: it asks for each, and no faster than it may."""
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


def test_the_most_in_a_second_is_counted_over_any_second() -> None:
    """The figure by which the pace is judged."""
    assert max_per_second([]) == 0
    assert max_per_second([0.0, 0.9, 1.5, 1.6, 1.7, 5.0]) == 4
