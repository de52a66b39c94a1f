"""Unexpected errors: few retries before payment, backoff after it.

The errors are provoked from outside: a trigger in the database rejects a write.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.limits import OperatorLimits
from bot.domain.task import TaskState
from bot.sandbox.faults import Answer
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.bot.health.test_health import address, samples, scraped
from tests.support.clips import Clips
from tests.support.crash_points import until, within
from tests.support.fast_timeouts import DONE, FAILED, FAST, STEADY, UPLOAD, assert_told, posts, tiny, unfit
from tests.support.harness import Harness, Json, text_of
from tests.support.member import Member

PATIENT = replace(FAST, first_gap=600)
"""Retries come after ten minutes, and no test waits that long."""
RETRY_NOTICE = "Something went wrong in the bot"
PAID_RETRY_NOTICE = "What was paid for is not lost; the next try is"


@pytest.fixture
def clip(clips: Clips) -> Path:
    return tiny(clips)


async def run_sql(stage: Harness, statement: str) -> None:
    """Run the statement in a thread, so that the bot's own transaction can finish meanwhile."""
    await asyncio.to_thread(stage.database.sql, statement)


async def reject_writes(stage: Harness, column: str, user_id: str) -> None:
    """Make the database reject writes to that column of this member's tasks."""
    await run_sql(
        stage,
        f"CREATE TRIGGER odd BEFORE UPDATE OF {column} ON tasks WHEN NEW.user_id = {user_id} "
        f"AND NEW.{column} IS NOT NULL BEGIN SELECT RAISE(ABORT, 'odd'); END",
    )


def to_datetime(value: object) -> datetime:
    """Convert a column's value, as either driver returns it, to a datetime."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value)).replace(tzinfo=UTC)


def read_column(stage: Harness, name: str, task_id: int = 1) -> object:
    ((value,),) = stage.database.sql(f"SELECT {name} FROM tasks WHERE id = {task_id}")  # noqa: S608
    return value


async def wait_for_retry_notice(who: Member, reply: Json, words: str = RETRY_NOTICE) -> Json:
    """Wait until the reply says that it will be retried, and return it."""
    return await who.wait_message(lambda it: it["id"] == reply["id"] and words in text_of(it))


# Before payment


@pytest.mark.only_sqlite
async def test_an_unexpected_error_before_payment_fails_the_task(
    stage: Harness, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After three attempts the task fails with advice, unpaid; one traceback is logged and each attempt is counted."""
    caplog.set_level(logging.INFO)
    async with stage.bot(FAST, HTTP_PORT="0", **STEADY):
        await reject_writes(stage, "clip", stage.ana.id)
        reply = await stage.extend(stage.ana, clip, seconds=2)
        ended = await stage.until(stage.ana, reply, FAILED)
        metrics = samples(await scraped(address(caplog.text)))
    assert "try another clip or another link" in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=0, requests=0)
    assert metrics["extendbot_unexpected_errors_total{state=preparing}"] == 3
    assert len([each for each in caplog.records if each.exc_info and each.name == "bot.worker.recovery"]) == 1
    assert read_column(stage, "billed") == "no"


@pytest.mark.only_sqlite
async def test_twenty_failing_clips_delay_nobody_else(stage: Harness, clip: Path) -> None:
    """While a member's twenty tasks wait, two of them for a retry, another member's task is processed as usual."""
    async with stage.bot(PATIENT, MAX_RUNNING="20", **STEADY):
        await reject_writes(stage, "clip", stage.ana.id)
        for _ in range(20):
            await stage.extend(stage.ana, clip, seconds=2)
        for task_id in range(1, OperatorLimits().member_preparing + 1):
            await until(lambda: stage.database.sql("SELECT count(*) FROM tasks") == [(20,)])
            await wait_for_retry_notice(stage.ana, {"id": str(read_column(stage, "message_id", task_id))})
        bens = await stage.extend(stage.ben, clip, seconds=2)
        await stage.until(stage.ben, bens, DONE)
    assert posts(stage) == len(stage.fox.payments) == 1


async def test_waiting_for_an_upload_holds_no_slot(stage: Harness, clips: Clips, clip: Path) -> None:
    """A task that waits for Retry-After of an upload leaves the only slot to another task and gets it back later."""
    stage.fox.faults.add("POST", UPLOAD, Answer(503, "{}", {"Retry-After": "600"}))
    slots = {"MAX_PREPARING": "1", "MAX_RUNNING": "1"}
    async with stage.bot(FAST, **slots, **STEADY):
        slow = await stage.extend(stage.ana, unfit(clips), seconds=2)
        await wait_for_retry_notice(stage.ana, slow, "This has not worked yet")
        quick = await stage.extend(stage.ben, clip, seconds=2)
        await stage.until(stage.ben, quick, DONE)
    assert len(stage.fox.faults.matching("POST", UPLOAD)) == 1
    stage.clock.advance(1200)  # the wait is jittered
    async with stage.bot(FAST, **slots, **STEADY):
        await stage.until(stage.ana, slow, DONE)
    assert len(stage.fox.payments) == 2


# After payment


async def wait_after_payment(stage: Harness, who: Member, clip: Path) -> tuple[Json, Pause]:
    """Return a paid task whose progress cannot be written, and the pause that holds its rendering."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    await reject_writes(stage, "progress", who.id)
    reply = await stage.extend(who, clip, seconds=2)
    await within(halfway.reached)
    return await wait_for_retry_notice(who, reply, PAID_RETRY_NOTICE), halfway


@pytest.mark.only_sqlite
async def test_after_payment_retries_back_off(stage: Harness, clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A paid task is retried with backoff, the member sees that, and the film is delivered once it is possible."""
    caplog.set_level(logging.WARNING, "bot.worker.recovery")
    async with stage.bot(replace(FAST, unexpected=1.0), POLL_SECONDS="0.01", EDIT_SECONDS="0.05"):
        reply, halfway = await wait_after_payment(stage, stage.ana, clip)
        await until(lambda: read_column(stage, "tries") == 6)
        await run_sql(stage, "DROP TRIGGER odd")
        halfway.release.set()
        await stage.until(stage.ana, reply, DONE)
    at = [each.created for each in caplog.records if each.name == "bot.worker.recovery"]
    backoff = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert len(backoff) == 5
    assert all(gap >= 0.75 * least for gap, least in zip(backoff, (0.02, 0.08, 0.32, 1, 1), strict=True))
    await assert_told(stage, reply, DONE, paid=1)


@pytest.mark.only_sqlite
async def test_a_paid_task_that_waits_leaves_its_slot(stage: Harness, clip: Path) -> None:
    """A paid task that waits for its retry, also across a restart, leaves the only slot to another task."""
    async with stage.bot(PATIENT, MAX_RUNNING="1", **STEADY):
        await wait_after_payment(stage, stage.ana, clip)
    async with stage.bot(PATIENT, MAX_RUNNING="1", **STEADY):
        bens = await stage.extend(stage.ben, clip, seconds=2)
        await stage.until(stage.ben, bens, DONE)
    assert read_column(stage, "state") == "rendering"
    assert read_column(stage, "tries") == 1
    assert len(stage.fox.payments) == 2


@pytest.mark.only_sqlite
async def test_cancel_ends_the_wait_at_once(stage: Harness, clip: Path) -> None:
    """Cancelling a paid task that waits for its retry takes effect at once."""
    async with stage.bot(PATIENT, **STEADY):
        reply, _ = await wait_after_payment(stage, stage.ana, clip)
        await stage.ana.press(reply, "Cancel")
        asked = await stage.ana.wait_message(lambda it: it["ephemeral"] and "Cancel anyway" in str(it["components"]))
        await stage.ana.press(asked, "Cancel anyway")
        await stage.until(stage.ana, reply, "Cancelled")
    assert len(stage.fox.payments) == 1


@pytest.mark.only_sqlite
async def test_a_paid_film_whose_link_expired_is_given_up(stage: Harness, clip: Path) -> None:
    """When FoxAPI's link has expired, the task fails, and the member is told that it may have been billed."""
    async with stage.bot(PATIENT, **STEADY):
        reply, _ = await wait_after_payment(stage, stage.ana, clip)
    stage.clock.advance(25 * 3600)
    async with stage.bot(PATIENT, **STEADY):
        ended = await stage.until(stage.ana, reply, FAILED)
    assert "FoxAPI keeps it for a day" in text_of(ended)
    await assert_told(stage, reply, FAILED, paid=1)


@pytest.mark.only_sqlite
async def test_an_unexpected_error_while_the_film_is_assembled(stage: Harness, clip: Path) -> None:
    """A film that cannot be recorded is assembled again later and delivered; it is paid for once."""
    async with stage.bot(FAST, POLL_SECONDS="0.03", EDIT_SECONDS="0.05"):
        await reject_writes(stage, "film", stage.ana.id)
        reply = await stage.extend(stage.ana, clip, seconds=2, result="new part")
        await wait_for_retry_notice(stage.ana, reply, PAID_RETRY_NOTICE)
        assert read_column(stage, "state") == TaskState.READY
        await run_sql(stage, "DROP TRIGGER odd")
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)
