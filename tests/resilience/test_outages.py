"""Lasting outages: a full disk, a locked database, the gateway, and FoxAPI as a whole."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest

from bot.sandbox.faults import Answer, Hold, Lose
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.clips import Clips
from tests.support.fast_timeouts import (
    DONE,
    FAILED,
    FAST,
    QUERY,
    RESULT,
    STEADY,
    UPLOAD,
    assert_progress_never_goes_back,
    assert_told,
    posts,
    tiny,
    unfit,
)
from tests.support.harness import CREATE, Harness, percent_of, text_of

WHILE = 0.2
"""Seconds that a fault lasts, long enough for several retries."""


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


async def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


# The disk and the database


async def test_no_disk_space_for_the_clip(stage: Harness, clip: Path) -> None:
    """While the task's directory cannot be created, nothing is paid; afterwards the task continues."""
    obstacle = stage.data / "tasks"
    stage.data.mkdir()
    obstacle.touch()
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await asyncio.sleep(WHILE)
        assert posts(stage) == 0
        obstacle.unlink()
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


async def test_no_disk_space_for_the_result(stage: Harness, clip: Path) -> None:
    """A result that cannot be stored is downloaded again until it can be stored."""
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        obstacle = stage.data / "tasks" / "1" / "result.mp4"
        obstacle.mkdir()
        held.release.set()
        await stage.fox.faults.wait("GET", RESULT, count=3)
        obstacle.rmdir()
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


@asynccontextmanager
async def run_around(database: Path, before: list[str], after: list[str]) -> AsyncIterator[None]:
    """Run `before` on the bot's database with another connection, and `after` when the context exits."""
    with closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as other:
        for statement in before:
            await asyncio.to_thread(other.execute, statement)
        yield
        for statement in after:
            await asyncio.to_thread(other.execute, statement)


def lock_database(database: Path) -> AbstractAsyncContextManager[None]:
    """Hold the write lock of the database."""
    return run_around(database, ["BEGIN IMMEDIATE"], ["ROLLBACK"])


def reject_writes(database: Path) -> AbstractAsyncContextManager[None]:
    """Reject every write, as on a full disk."""
    refuse = "ON tasks BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    refusing = [f"CREATE TRIGGER full_{change} BEFORE {change} {refuse}" for change in ("INSERT", "UPDATE")]
    return run_around(database, refusing, ["DROP TRIGGER full_INSERT", "DROP TRIGGER full_UPDATE"])


@pytest.mark.only_sqlite
@pytest.mark.parametrize("fault", [lock_database, reject_writes])
@pytest.mark.parametrize("moment", ["clip", "create", "result"])
async def test_the_database_takes_no_writes(
    stage: Harness, clip: Path, fault: Callable[[Path], AbstractAsyncContextManager[None]], moment: str
) -> None:
    """Writes are retried until the database accepts them; the paid request is sent once and its response is kept."""
    hold = Hold(after=True)
    match moment:
        case "clip":
            stage.discord.faults.add("GET", "/cdn/", hold)
        case "create":
            stage.fox.faults.add("POST", CREATE, hold)
        case _:
            stage.fox.faults.add("GET", RESULT, hold)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await hold.reached.wait()
        async with fault(stage.data / "bot.db"):
            hold.release.set()
            await asyncio.sleep(WHILE)
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


@pytest.mark.only_sqlite
async def test_a_task_that_cannot_be_stored_is_not_created(stage: Harness, clip: Path) -> None:
    """If the row cannot be written, the member is told so privately, and no task or payment remains."""
    async with stage.bot(FAST, **STEADY), reject_writes(stage.data / "bot.db"):
        channel = await stage.ana.channel("videos")
        await stage.ana.command("extend", channel, prompt="go on", video=await stage.ana.upload(clip))
        told = await stage.ana.wait_message(lambda it: "so nothing was started" in text_of(it))
    assert told["ephemeral"]
    assert await stage.ben.messages("videos") == []
    assert posts(stage) == 0


# Discord


@pytest.mark.parametrize("kind", ["reconnect", "invalidate", "drop"])
async def test_the_gateway_disconnects_during_a_task(stage: Harness, clip: Path, kind: str) -> None:
    """Tasks continue without a gateway connection, and commands work again after the reconnect."""
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        if kind == "drop":
            await stage.discord.gateway.drop()
        else:
            getattr(stage.discord.gateway, kind)()
        held.release.set()
        await stage.until(stage.ana, reply, DONE)
        if kind == "invalidate":
            return  # discord.py waits five seconds before it identifies again
        await wait_until(lambda: stage.discord.world.online)
        await stage.ana.command("tasks", await stage.ana.channel("general"))
        await stage.ana.wait_message(lambda it: "Your tasks" in text_of(it))


async def test_a_refusal_is_shown_although_the_first_response_was_lost(stage: Harness) -> None:
    """If Discord's response to the first response is lost and the request is refused, no reply keeps "thinking"."""
    stage.discord.faults.add("POST", "/callback", Lose())
    async with stage.bot(FAST, **STEADY):
        channel = await stage.ana.channel("videos")
        await stage.ana.command("extend", channel, prompt="go on", link="https://discord.com/channels/1/2/3")
        told = await stage.ana.wait_message(lambda it: "cannot read that message" in text_of(it))
    assert told["ephemeral"]
    assert await stage.ben.messages("videos") == []


# FoxAPI


@pytest.mark.parametrize(
    ("method", "path", "as_date"),
    [("POST", UPLOAD, False), ("POST", CREATE, True), ("GET", QUERY, False), ("GET", RESULT, True)],
)
async def test_retry_after_is_honoured(stage: Harness, clips: Clips, method: str, path: str, as_date: bool) -> None:
    """The next attempt is not made before Retry-After, given in seconds or as a date."""
    then = int(time.time()) + 2
    header = formatdate(then, usegmt=True) if as_date else "0.6"
    stage.fox.faults.add(method, path, Answer(429, "{}", {"Retry-After": header}))
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, unfit(clips) if path == UPLOAD else tiny(clips), seconds=2)
        await stage.until(stage.ana, reply, DONE)
    first, second = stage.fox.faults.matching(method, path)[:2]
    assert second.at >= (then if as_date else first.at + 0.6)
    await assert_told(stage, reply, DONE, paid=1, requests=2 if path == CREATE else 1)


@pytest.mark.parametrize(("kind", "words"), [(tiny, "could not be reached"), (unfit, "could not be uploaded")])
async def test_foxapi_cannot_be_reached(stage: Harness, kind: Callable[[Clips], Path], words: str) -> None:
    """If connections are refused, the task is retried for a while and then fails with nothing billed."""
    async with stage.bot(replace(FAST, submit_total=0.3), EDIT_SECONDS="30", FOXAPI_URL="http://127.0.0.1:1"):
        reply = await stage.extend(stage.ana, kind(stage.clips), seconds=2)
        ended = await stage.until(stage.ana, reply, FAILED)
    assert words in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=0, requests=0)


async def test_uploads_that_never_succeed_fail_the_task(stage: Harness, clips: Clips) -> None:
    """Failing uploads are retried with backoff as long as the paid request would be; then the task fails unbilled."""
    stage.fox.faults.add("POST", UPLOAD, Answer(503, "{}"), times=None)
    async with stage.bot(replace(FAST, clip_download=0.1, submit_total=0.7), **STEADY):
        reply = await stage.extend(stage.ana, unfit(clips), seconds=2)
        ended = await stage.until(stage.ana, reply, FAILED)
    tries = stage.fox.faults.matching("POST", UPLOAD)
    assert 4 <= len(tries) <= 6  # after gaps of about 0.02, 0.04 ... 0.32 s
    assert tries[-1].at - tries[0].at > 0.1  # the time-out of the clip's download does not apply
    assert "try again in a few minutes" in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=0, requests=0)


async def test_a_request_whose_clip_may_have_expired_is_not_sent(stage: Harness, clips: Clips) -> None:
    """A request delayed by a three-day stop is not sent, because the upload has expired by then; nothing is paid."""
    stage.fox.faults.add("POST", CREATE, Answer(429, "{}", {"Retry-After": "600"}))
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, unfit(clips), seconds=2)
        await stage.fox.faults.wait("POST", CREATE)
    stage.clock.advance(73 * 3600)
    async with stage.bot(FAST, **STEADY):
        ended = await stage.until(stage.ana, reply, FAILED)
    assert "for a long time" in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=0)


async def test_a_slow_task_delays_no_other(stage: Harness, clip: Path) -> None:
    """While FoxAPI does not answer one task's query, another task finishes."""
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(FAST, **STEADY):
        slow = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        (payment,) = stage.fox.payments
        query = Hold()
        stage.fox.faults.add("GET", f"{QUERY}{payment.task_id}", query, times=None)
        held.release.set()
        await query.reached.wait()
        quick = await stage.extend(stage.ben, clip, seconds=2)
        await stage.until(stage.ben, quick, DONE)
        assert "Finished" not in text_of(stage.ana.seen[slow["id"]])
        query.release.set()
        await stage.until(stage.ana, slow, DONE)


async def test_a_failing_foxapi_is_polled_rarely(stage: Harness, clip: Path) -> None:
    """Ten tasks whose queries get 503 share one circuit breaker: at most ten queries at first, then one per pause."""
    stage.fox.faults.add("GET", QUERY, Answer(200, '{"status": "processing"}'), times=None)
    people = [stage.ana, stage.ben, stage.mia]
    async with stage.bot(FAST, **STEADY):
        replies = [(people[n % 3], await stage.extend(people[n % 3], clip, seconds=2)) for n in range(10)]
        await wait_until(lambda: len(stage.fox.payments) == 10)
        before = len(stage.fox.faults.matching("GET", QUERY))
        stage.fox.faults.clear()
        stage.fox.faults.add("GET", QUERY, Answer(503, "{}"), times=None)
        await asyncio.sleep(
            1
        )  # six pauses, of 0.02, 0.04 … 0.64 s: without the breaker, ten tasks would ask sixty times
        asked = len(stage.fox.faults.matching("GET", QUERY)) - before
        stage.fox.faults.clear()
        for member, reply in replies:
            await stage.until(member, reply, DONE)
    assert asked <= 10 + 6
    assert len(stage.fox.payments) == 10


async def test_progress_never_goes_back(stage: Harness, clip: Path) -> None:
    """The progress that the member sees never decreases, even if FoxAPI's does."""
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    for percent in (30, 10, 60):
        answer = Answer(200, f'{{"status": "processing", "progress": {percent}}}')
        stage.fox.faults.add("GET", QUERY, answer, times=2)
    async with stage.bot(FAST, EDIT_SECONDS="0.15"):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and percent_of(it) == 60)
        held.release.set()
        await stage.until(stage.ana, reply, DONE)
    assert_progress_never_goes_back(stage.ana, reply)
    await assert_told(stage, reply, DONE, paid=1)
