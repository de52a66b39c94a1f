"""FoxAPI has finished but its file cannot be had, does not answer at all, or refuses one task's query."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.faults import Answer, Rule
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.store.single_process import LocalCircuitState
from bot.worker import CircuitBreaker
from tests.support.clips import Clips
from tests.support.crash_points import until, within
from tests.support.fast_timeouts import (
    DONE,
    FAILED,
    FAST,
    QUERY,
    RESULT,
    STEADY,
    UNCLEAR,
    assert_told,
    posts,
    tiny,
)
from tests.support.harness import CREATE, Harness, Json, percent_of, text_of
from tests.support.member import Member

BUSY = Answer(503, "{}")
NO_FILE = "but the bot cannot download it yet"
MODELS = "/v1/models"


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


async def wait_for_text(who: Member, reply: Json, words: str) -> Json:
    return await who.wait_message(lambda it: it["id"] == reply["id"] and words in text_of(it))


# The result's link is dead


async def test_a_dead_link_is_told_and_the_video_comes_later(stage: Harness, clip: Path) -> None:
    """The reply says that FoxAPI has finished, offers its link, and shows the video once the file can be had."""
    dead = stage.fox.faults.add("GET", RESULT, BUSY, times=None)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        shown = await wait_for_text(stage.ana, reply, NO_FILE)
        assert RESULT in text_of(shown)
        stage.fox.faults.remove(dead)
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


async def test_a_dead_link_frees_the_slot_and_ends_with_the_file(stage: Harness, clip: Path) -> None:
    """It becomes overdue, which frees the only slot, and fails in a sentence when FoxAPI has deleted the file."""
    dead = stage.fox.faults.add("GET", RESULT, BUSY, times=None)
    async with stage.bot(replace(FAST, no_progress=0.4), MAX_RUNNING="1", **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await wait_for_text(stage.ana, reply, NO_FILE)
        await until(lambda: stage.database.sql("SELECT overdue FROM tasks") == [(1,)])
        stage.fox.faults.remove(dead)
        held = Pause(at=10)
        stage.fox.next_quirks = Quirks(pause=held)
        stage.fox.faults.add("GET", RESULT, BUSY, times=None)
        await stage.extend(stage.ben, clip, seconds=2)
        await within(held.reached)
    stage.clock.advance(25 * 3600)
    async with stage.bot(FAST, **STEADY):
        ended = await stage.until(stage.ana, reply, FAILED)
    assert "could not be downloaded before FoxAPI deleted it" in text_of(ended)
    assert "deletes" not in text_of(ended)


async def test_a_file_made_while_the_bot_was_away_is_still_tried(stage: Harness, clip: Path) -> None:
    """After a day's absence one failed download does not give up a video that FoxAPI may still have."""
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(held.reached)
    held.release.set()
    (task,) = stage.fox.tasks.values()
    stage.clock.advance(25 * 3600)
    await within(task.ended)  # otherwise the first poll would find it unfinished after its deadline
    stage.fox.faults.add("GET", RESULT, BUSY, times=2)
    async with stage.bot(FAST, **STEADY):
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


async def test_a_card_that_stands_still_says_so(stage: Harness, clip: Path) -> None:
    """After a minute without progress the card says when FoxAPI last reported some."""
    held = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(held.reached)
        await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and percent_of(it) == 40)
        stage.clock.advance(61)
        await wait_for_text(stage.ana, reply, "FoxAPI last reported progress")
        held.release.set()
        await stage.until(stage.ana, reply, DONE)


# Paid requests are never probes


async def render_one(stage: Harness, who: Member, clip: Path) -> tuple[Json, Pause]:
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    reply = await stage.extend(who, clip, seconds=2)
    await within(held.reached)
    return reply, held


@pytest.mark.parametrize("polls", [True, False], ids=["a query answers first", "the list of models answers first"])
async def test_paid_requests_wait_for_a_free_answer(stage: Harness, clip: Path, polls: bool) -> None:
    """While FoxAPI answers everything with 503, no paid request is sent; after a good answer it is sent once."""
    failing: list[Rule] = []
    async with stage.bot(FAST, **STEADY):
        if polls:
            first, held = await render_one(stage, stage.ben, clip)
            failing += [stage.fox.faults.add("GET", path, BUSY, times=None) for path in (QUERY, MODELS)]
            await stage.fox.faults.wait("GET", QUERY, count=len(stage.fox.faults.matching("GET", QUERY)) + 2)
        else:
            failing += [stage.fox.faults.add("GET", path, BUSY, times=None) for path in (QUERY, MODELS)]
            stage.fox.faults.add("POST", CREATE, BUSY)
            first = await stage.extend(stage.ben, clip, seconds=2)
            await stage.until(stage.ben, first, UNCLEAR)
        sent = posts(stage)
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await until(lambda: stage.database.sql("SELECT state FROM tasks WHERE id = 2") == [("sending",)] or not polls)
        probes = len(stage.fox.faults.matching("GET", QUERY if polls else MODELS))
        await stage.fox.faults.wait("GET", QUERY if polls else MODELS, count=probes + 4)
        assert posts(stage) == sent
        for rule in failing:
            stage.fox.faults.remove(rule)
        await stage.until(stage.ana, reply, DONE)
        if polls:
            held.release.set()
            await stage.until(stage.ben, first, DONE)
    assert posts(stage) == sent + 1


async def test_a_refused_query_pauses_only_its_task(stage: Harness, clip: Path) -> None:
    """FoxAPI answers one task's query with 400 again and again: the other task is polled and delivered as usual."""
    async with stage.bot(FAST, **STEADY):
        refused, held = await render_one(stage, stage.ana, clip)
        remote_id = str(stage.database.sql("SELECT remote_id FROM tasks WHERE id = 1")[0][0])
        rule = stage.fox.faults.add("GET", QUERY + remote_id, Answer(400, "{}"), times=None)
        await stage.fox.faults.wait("GET", QUERY + remote_id, count=3)
        other = await stage.extend(stage.ben, clip, seconds=2)
        await stage.until(stage.ben, other, DONE)
        stage.fox.faults.remove(rule)
        held.release.set()
        await stage.until(stage.ana, refused, DONE)


# The circuit breaker alone


def make_breaker(shared: LocalCircuitState, tell: Callable[[], None] = lambda: None) -> CircuitBreaker:
    return CircuitBreaker(shared, tell, random.Random(1), first=0.01, probe_seconds=60)  # noqa: S311


async def test_requests_under_way_do_not_lengthen_a_pause() -> None:
    """A hundred requests that were sent before the pause and fail after it count as the one fault that they are."""
    breaker = make_breaker(LocalCircuitState(None))  # type: ignore[arg-type]  # (it uses no database)
    sent_in = breaker.opening
    await breaker.record_failure(OSError("a hiccup"), None, sent_in)
    opened = breaker.opening
    await breaker.wait()  # the pause is over, and this is the probe
    for _ in range(100):
        await breaker.record_failure(OSError("the same hiccup"), None, sent_in)
    assert breaker.opening == opened
    await breaker.record_failure(OSError("the probe failed"), None, opened)
    assert breaker.opening != opened


class CountingState(LocalCircuitState):
    """Counts how often anybody looks for a turn to probe; for several processes each look is a transaction."""

    looks = 0

    async def acquire_probe(self, interval: float) -> float | None:
        self.looks += 1
        return await super().acquire_probe(interval)


async def test_one_of_a_thousand_looks_and_the_others_wait() -> None:
    """While FoxAPI is mute, a thousand waiting tasks look for a turn no more often than one does."""
    state = CountingState(None)  # type: ignore[arg-type]
    breaker = make_breaker(state)
    await breaker.record_failure(OSError("mute"), None, None)
    await breaker.wait()  # a probe is under way from here on
    before = state.looks
    waiting = [asyncio.create_task(breaker.wait()) for _ in range(1000)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert state.looks - before == 1
    await breaker.record_success()
    await asyncio.gather(*waiting)
    assert state.looks - before == 1
