"""Unexpected errors, and clips at which the process ends: bounded before payment, seldom after it, nobody else's.

What provokes them comes from outside: something lies in the way on the disk, somebody else's trigger in the database
refuses a write, or the ffmpeg program ends the process that started it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]
import pytest

from bot.domain.limits import OperatorLimits
from bot.domain.task import TaskState
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.faults import Answer, Hold
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.bot.health.test_health import address, samples, scraped
from tests.support.clips import Clips
from tests.support.crash_points import CLIP, until, within
from tests.support.fast_timeouts import DONE, FAILED, FAST, STEADY, UPLOAD, assert_told, posts, tiny, unfit
from tests.support.harness import Harness, Json, text_of
from tests.support.member import Member

PATIENT = replace(FAST, first_gap=600)
"""Whatever is tried again is tried again in ten minutes: no test waits for that."""
TRIES_AGAIN = "Something unexpected went wrong on my side"
PAID_IS_KEPT = "What was paid for is not lost; the next try is"


@pytest.fixture
def clip(clips: Clips) -> Path:
    return tiny(clips)


async def changed(stage: Harness, statement: str) -> None:
    """Run it beside the bot, whose own transaction must be able to end meanwhile."""
    await asyncio.to_thread(stage.database.sql, statement)


async def refuse(stage: Harness, column: str, user_id: str) -> None:
    """From now on the database refuses to write that column of this member's tasks."""
    await changed(
        stage,
        f"CREATE TRIGGER odd BEFORE UPDATE OF {column} ON tasks WHEN NEW.user_id = {user_id} "
        f"AND NEW.{column} IS NOT NULL BEGIN SELECT RAISE(ABORT, 'odd'); END",
    )


def moment(value: object) -> datetime:
    """What a column holds, as the database's own driver says it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value)).replace(tzinfo=UTC)


def column(stage: Harness, name: str, task_id: int = 1) -> object:
    ((value,),) = stage.database.sql(f"SELECT {name} FROM tasks WHERE id = {task_id}")  # noqa: S608
    return value


async def waits(who: Member, reply: Json, words: str = TRIES_AGAIN) -> Json:
    """Return that reply once it says that it is tried again."""
    return await who.wait_message(lambda it: it["id"] == reply["id"] and words in text_of(it))


# Before payment


@pytest.mark.only_sqlite
async def test_an_odd_clip_ends_its_task(stage: Harness, clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After three tries the member is told what to do; nothing is paid, one traceback is logged, each try counted."""
    caplog.set_level(logging.INFO)
    async with stage.bot(FAST, HTTP_PORT="0", **STEADY):
        await refuse(stage, "clip", stage.ana.id)
        reply = await stage.extend(stage.ana, clip, seconds=2)
        ended = await stage.until(stage.ana, reply, FAILED)
        figures = samples(await scraped(address(caplog.text)))
    assert "try another clip or another link" in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=0, requests=0)
    assert figures["extendbot_unexpected_errors_total{state=preparing}"] == 3
    assert len([each for each in caplog.records if each.exc_info and each.name == "bot.worker.recovery"]) == 1
    assert column(stage, "billed") == "no"


@pytest.mark.only_sqlite
async def test_twenty_odd_clips_keep_nobody_waiting(stage: Harness, clip: Path) -> None:
    """While a member's twenty tasks wait, two of them to be tried again, somebody else's is served as usual."""
    async with stage.bot(PATIENT, MAX_RUNNING="20", **STEADY):
        await refuse(stage, "clip", stage.ana.id)
        odd = [await stage.extend(stage.ana, clip, seconds=2) for _ in range(20)]
        for reply in odd[: OperatorLimits().member_preparing]:
            await waits(stage.ana, reply)
        bens = await stage.extend(stage.ben, clip, seconds=2)
        await stage.until(stage.ben, bens, DONE)
    assert posts(stage) == len(stage.fox.payments) == 1


async def test_waiting_for_an_upload_holds_no_slot(stage: Harness, clips: Clips, clip: Path) -> None:
    """FoxAPI wants one upload later: meanwhile the only slot is somebody else's, and then it is this task's again."""
    stage.fox.faults.add("POST", UPLOAD, Answer(503, "{}", {"Retry-After": "6"}))
    rendering = Pause(at=10)
    async with stage.bot(replace(FAST, slot=0.05), MAX_RUNNING="1", **STEADY):
        slow = await stage.extend(stage.ana, unfit(clips), seconds=2)
        await waits(stage.ana, slow, "This has not worked yet")
        stage.fox.next_quirks = Quirks(pause=rendering)
        quick = await stage.extend(stage.ben, clip, seconds=2)
        await within(rendering.reached)
        await until(lambda: column(stage, "retry_at") is not None and stage.now() > moment(column(stage, "retry_at")))
        assert len(stage.fox.faults.matching("POST", UPLOAD)) == 1  # there is no slot for it
        rendering.release.set()
        await stage.until(stage.ben, quick, DONE)
        await stage.until(stage.ana, slow, DONE)
    assert len(stage.fox.payments) == 2


def deadly(folder: Path, for_files: str) -> Path:
    """An ffmpeg that ends whoever starts it (SIGKILL) with these files, as running out of memory would."""
    program = folder / "ffmpeg"
    real = imageio_ffmpeg.get_ffmpeg_exe()
    program.write_text(f'#!/bin/sh\ncase "$*" in *{for_files}*) kill -9 $PPID;; esac\nexec "{real}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return program


async def start(stage: Harness, process: BotProcess) -> None:
    """Start it; return when it takes commands."""
    await process.start()
    await until(lambda: stage.discord.world.online)
    await stage.discord.faults.wait("PUT", r"/commands$")


async def test_a_clip_that_ends_the_process_is_not_taken_up_for_ever(
    stage: Harness, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After four ends its task has failed and nothing is paid; one that was prepared beside it gets its film."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(deadly(stage.folder, "/tasks/1/")))
    first, bens = Hold(), Hold()
    async with stage.process(MAX_RUNNING="2") as process:
        await start(stage, process)
        stage.discord.faults.add("GET", CLIP, first)
        anas_reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(first.reached)
        stage.discord.faults.add("GET", CLIP, bens)
        bens_reply = await stage.extend(stage.ben, clip, seconds=2)
        await within(bens.reached)
        first.release.set()
        await process.wait()
        assert [column(stage, "state", each) for each in (1, 2)] == ["preparing"] * 2
        bens.release.set()
        crashes = 1
        while True:
            await process.start()
            await until(lambda: not process.running or column(stage, "told") == 1)
            if process.running:
                break
            crashes += 1
        assert crashes == 4
        await stage.until(stage.ana, anas_reply, FAILED)
        await stage.until(stage.ben, bens_reply, DONE)
    assert len(stage.fox.payments) == 1
    assert column(stage, "billed") == "no"


async def test_clean_stops_and_starts_are_no_crashes(stage: Harness, clip: Path) -> None:
    """A task whose bot is stopped six times while it prepares the clip is prepared by the seventh, and delivered."""
    async with stage.process() as process:
        await start(stage, process)
        holds = [Hold() for _ in range(6)]
        stage.discord.faults.add("GET", CLIP, holds[0])
        reply = await stage.extend(stage.ana, clip, seconds=2)
        for at, hold in enumerate(holds):
            await within(hold.reached)
            await process.stop()
            assert (column(stage, "state"), column(stage, "crashes")) == ("preparing", 0)
            if at + 1 < len(holds):
                stage.discord.faults.add("GET", CLIP, holds[at + 1])
            await process.start()
            hold.release.set()
        await stage.until(stage.ana, reply, DONE)
    assert len(stage.fox.payments) == 1


# After payment


async def wait_after_payment(stage: Harness, who: Member, clip: Path) -> tuple[Json, Pause]:
    """A paid task of which the database does not take the progress; it renders on when the pause is released."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    await refuse(stage, "progress", who.id)
    reply = await stage.extend(who, clip, seconds=2)
    await within(halfway.reached)
    return await waits(who, reply, PAID_IS_KEPT), halfway


@pytest.mark.only_sqlite
async def test_after_payment_the_gaps_grow(stage: Harness, clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was paid for is tried again ever more seldom, the member sees that, and gets the film when it can be."""
    caplog.set_level(logging.WARNING, "bot.worker.recovery")
    async with stage.bot(replace(FAST, unexpected=1.0), POLL_SECONDS="0.01", EDIT_SECONDS="0.05"):
        reply, halfway = await wait_after_payment(stage, stage.ana, clip)
        await until(lambda: column(stage, "tries") == 6)
        await changed(stage, "DROP TRIGGER odd")
        halfway.release.set()
        await stage.until(stage.ana, reply, DONE)
    at = [each.created for each in caplog.records if each.name == "bot.worker.recovery"]
    backoff = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert len(backoff) == 5
    assert all(gap >= 0.75 * least for gap, least in zip(backoff, (0.02, 0.08, 0.32, 1, 1), strict=True))
    await assert_told(stage, reply, DONE, paid=1)


@pytest.mark.only_sqlite
async def test_a_paid_task_that_waits_leaves_its_slot(stage: Harness, clip: Path) -> None:
    """It waits for ten minutes, over a new start too; meanwhile the only slot is somebody else's."""
    async with stage.bot(PATIENT, MAX_RUNNING="1", **STEADY):
        await wait_after_payment(stage, stage.ana, clip)
    async with stage.bot(PATIENT, MAX_RUNNING="1", **STEADY):
        bens = await stage.extend(stage.ben, clip, seconds=2)
        await stage.until(stage.ben, bens, DONE)
    assert column(stage, "state") == "rendering"
    assert column(stage, "tries") == 1
    assert len(stage.fox.payments) == 2


@pytest.mark.only_sqlite
async def test_cancel_ends_the_wait_at_once(stage: Harness, clip: Path) -> None:
    """A member who gives up a paid task that waits for ten minutes does not wait for them."""
    async with stage.bot(PATIENT, **STEADY):
        reply, _ = await wait_after_payment(stage, stage.ana, clip)
        await stage.ana.press(reply, "Cancel")
        asked = await stage.ana.wait_message(lambda it: it["ephemeral"] and "Cancel anyway" in str(it["components"]))
        await stage.ana.press(asked, "Cancel anyway")
        await stage.until(stage.ana, reply, "Cancelled")
    assert len(stage.fox.payments) == 1


@pytest.mark.only_sqlite
async def test_a_paid_film_that_nobody_can_fetch_in_a_day_is_given_up(stage: Harness, clip: Path) -> None:
    """When FoxAPI's link has ended the task has failed, and its member is told that it may have been billed."""
    async with stage.bot(PATIENT, **STEADY):
        reply, _ = await wait_after_payment(stage, stage.ana, clip)
    stage.clock.advance(25 * 3600)
    async with stage.bot(PATIENT, **STEADY):
        ended = await stage.until(stage.ana, reply, FAILED)
    assert "FoxAPI keeps it for a day" in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=1)


@pytest.mark.only_sqlite
async def test_a_surprise_while_the_film_is_made(stage: Harness, clip: Path) -> None:
    """A film that cannot be written down is made again later, and delivered once it can be; paid once."""
    async with stage.bot(FAST, POLL_SECONDS="0.03", EDIT_SECONDS="0.05"):
        await refuse(stage, "film", stage.ana.id)
        reply = await stage.extend(stage.ana, clip, seconds=2, result="new part")
        await waits(stage.ana, reply, PAID_IS_KEPT)
        assert column(stage, "state") == TaskState.READY
        await changed(stage, "DROP TRIGGER odd")
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


async def test_a_film_at_which_the_process_ends_is_delivered_as_foxapi_made_it(
    stage: Harness, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two ends nothing is made of the result any more: the member gets what was paid for, once."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(deadly(stage.folder, "/tasks/1/film")))
    async with stage.process() as process:
        await start(stage, process)
        reply = await stage.extend(stage.ana, clip, seconds=2, result="new part")
        await process.wait()
        await process.start()
        await process.wait()
        assert column(stage, "state") == TaskState.READY
        await process.start()
        await stage.until(stage.ana, reply, DONE)
        assert process.running
    await assert_told(stage, reply, DONE, paid=1)
