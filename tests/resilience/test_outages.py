"""Faults that last or come from all around: a full disk, a locked database, the gateway, FoxAPI as a whole."""

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
"""Seconds that a fault lasts: several retries long."""


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


async def met(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Return as soon as `condition` holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


# The disk and the database


async def test_no_room_for_the_clip(stage: Harness, clip: Path) -> None:
    """While the task's folder cannot be made, nothing is paid; when there is room again, the task goes on."""
    in_the_way = stage.data / "tasks"
    stage.data.mkdir()
    in_the_way.touch()
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await asyncio.sleep(WHILE)
        assert posts(stage) == 0
        in_the_way.unlink()
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


async def test_no_room_for_the_result(stage: Harness, clip: Path) -> None:
    """A result that cannot be stored is downloaded again until it can."""
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        in_the_way = stage.data / "tasks" / "1" / "result.mp4"
        in_the_way.mkdir()
        held.release.set()
        await stage.fox.faults.wait("GET", RESULT, count=3)
        in_the_way.rmdir()
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


@asynccontextmanager
async def told_to(database: Path, before: list[str], after: list[str]) -> AsyncIterator[None]:
    """Somebody else runs `before`, and then `after`, on the bot's database."""
    with closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as other:
        for statement in before:
            await asyncio.to_thread(other.execute, statement)
        yield
        for statement in after:
            await asyncio.to_thread(other.execute, statement)


def locked(database: Path) -> AbstractAsyncContextManager[None]:
    """Somebody else is writing, and takes their time."""
    return told_to(database, ["BEGIN IMMEDIATE"], ["ROLLBACK"])


def full(database: Path) -> AbstractAsyncContextManager[None]:
    """Every write is refused, as on a full disk."""
    refuse = "ON tasks BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    refusing = [f"CREATE TRIGGER full_{change} BEFORE {change} {refuse}" for change in ("INSERT", "UPDATE")]
    return told_to(database, refusing, ["DROP TRIGGER full_INSERT", "DROP TRIGGER full_UPDATE"])


@pytest.mark.only_sqlite
@pytest.mark.parametrize("fault", [locked, full])
@pytest.mark.parametrize("moment", ["clip", "create", "result"])
async def test_the_database_takes_no_writes(
    stage: Harness, clip: Path, fault: Callable[[Path], AbstractAsyncContextManager[None]], moment: str
) -> None:
    """Whatever cannot be written down waits; the paid request goes out once, and its answer is not forgotten."""
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
async def test_a_task_that_cannot_be_kept_is_not_begun(stage: Harness, clip: Path) -> None:
    """When the row cannot be written the member is told so privately, and nothing else remains or is paid."""
    async with stage.bot(FAST, **STEADY), full(stage.data / "bot.db"):
        channel = await stage.ana.channel("videos")
        await stage.ana.command("extend", channel, prompt="go on", video=await stage.ana.upload(clip))
        told = await stage.ana.wait_message(lambda it: "so nothing was started" in text_of(it))
    assert told["ephemeral"]
    assert await stage.ben.messages("videos") == []
    assert posts(stage) == 0


# Discord


@pytest.mark.parametrize("kind", ["reconnect", "invalidate", "drop"])
async def test_the_gateway_breaks_in_the_middle(stage: Harness, clip: Path, kind: str) -> None:
    """Tasks go on without a gateway, and commands work again after it."""
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
            return  # discord.py waits five seconds before it identifies anew
        await met(lambda: stage.discord.world.online)
        await stage.ana.command("tasks", await stage.ana.channel("general"))
        await stage.ana.wait_message(lambda it: "Your tasks" in text_of(it))


async def test_a_refusal_is_told_though_the_first_answer_was_lost(stage: Harness) -> None:
    """Nothing keeps "thinking" for ever when Discord's word of the first answer is lost and the order is refused."""
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
    """The next try comes no sooner than was asked for, in seconds or as a date."""
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
    """Where nobody listens nothing was taken: it is tried for a while, and then ends with nothing billed."""
    async with stage.bot(replace(FAST, submit_total=0.3), EDIT_SECONDS="30", FOXAPI_URL="http://127.0.0.1:1"):
        reply = await stage.extend(stage.ana, kind(stage.clips), seconds=2)
        ended = await stage.until(stage.ana, reply, FAILED)
    assert words in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=0, requests=0)


async def test_uploads_that_never_succeed_come_to_an_end(stage: Harness, clips: Clips) -> None:
    """They are tried with growing gaps for as long as the paid request would be; then nothing is sent or billed."""
    stage.fox.faults.add("POST", UPLOAD, Answer(503, "{}"), times=None)
    async with stage.bot(replace(FAST, clip_download=0.1, submit_total=0.7), **STEADY):
        reply = await stage.extend(stage.ana, unfit(clips), seconds=2)
        ended = await stage.until(stage.ana, reply, FAILED)
    tries = stage.fox.faults.matching("POST", UPLOAD)
    assert 4 <= len(tries) <= 6  # after gaps of about 0.02, 0.04 ... 0.32 s
    assert tries[-1].at - tries[0].at > 0.1  # the patience for the member's clip is another one
    assert "try again in a few minutes" in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=0, requests=0)


async def test_an_order_whose_clip_may_be_gone_is_not_sent(stage: Harness, clips: Clips) -> None:
    """FoxAPI was busy when the bot was stopped for three days; the upload has expired, so nothing is sent or paid."""
    stage.fox.faults.add("POST", CREATE, Answer(429, "{}", {"Retry-After": "600"}))
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, unfit(clips), seconds=2)
        await stage.fox.faults.wait("POST", CREATE)
    stage.clock.advance(73 * 3600)
    async with stage.bot(FAST, **STEADY):
        ended = await stage.until(stage.ana, reply, FAILED)
    assert "for a long time" in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=0)


async def test_one_slow_task_holds_up_no_other(stage: Harness, clip: Path) -> None:
    """While FoxAPI keeps one task's query waiting, another task is finished."""
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


async def test_an_ill_foxapi_is_asked_seldom(stage: Harness, clip: Path) -> None:
    """Ten tasks whose queries all answer 503 share one pause: at most ten queries at first, then one when it ends."""
    stage.fox.faults.add("GET", QUERY, Answer(200, '{"status": "processing"}'), times=None)
    people = [stage.ana, stage.ben, stage.mia]
    async with stage.bot(FAST, **STEADY):
        replies = [(people[n % 3], await stage.extend(people[n % 3], clip, seconds=2)) for n in range(10)]
        await met(lambda: len(stage.fox.payments) == 10)
        before = len(stage.fox.faults.matching("GET", QUERY))
        stage.fox.faults.clear()
        stage.fox.faults.add("GET", QUERY, Answer(503, "{}"), times=None)
        await asyncio.sleep(1)  # six pauses, of 0.02, 0.04 … 0.64 s: ten tasks apart would ask sixty times
        asked = len(stage.fox.faults.matching("GET", QUERY)) - before
        stage.fox.faults.clear()
        for member, reply in replies:
            await stage.until(member, reply, DONE)
    assert asked <= 10 + 6
    assert len(stage.fox.payments) == 10


async def test_progress_never_goes_back(stage: Harness, clip: Path) -> None:
    """What the member sees only grows, whatever FoxAPI reports."""
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
