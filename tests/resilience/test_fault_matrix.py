"""The fault matrix: one row per fault and call, with the payments and the outcome that the member sees.

One bot goes through several rows, because starting it is most of a row's cost. Transient faults are applied to one
task in sequence: a later fault is reached only if the call was retried after the earlier one.
"""

from __future__ import annotations

from dataclasses import replace
from logging import WARNING
from pathlib import Path

import pytest

from bot.sandbox.faults import Action, Answer, Hold, Lose, Reset, Slow, Truncate
from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks
from tests.resilience.fault_cells import (
    AT_CREATE,
    AT_DOWNLOAD,
    AT_EDIT,
    AT_QUERY,
    AT_RESULTS_EDIT,
    AT_UPLOAD,
    PAGE,
    RATE,
    RATE_BODY,
    UPLOAD_REFUSED,
    Cell,
    Faults,
    html,
    json,
)
from tests.support.clips import Clips
from tests.support.fast_timeouts import (
    DONE,
    EDIT,
    FAILED,
    FAST,
    IMPATIENT,
    QUERY,
    RESULT,
    STEADY,
    UPLOAD,
    assert_says_its_end,
    assert_told,
    posts,
    tiny,
    unfit,
)
from tests.support.harness import CREATE, Harness, Json, text_of, title_of


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


@pytest.mark.parametrize("cells", AT_CREATE.values(), ids=AT_CREATE)
async def test_at_the_paid_request(stage: Harness, clip: Path, cells: list[Cell]) -> None:
    """At most one payment: a request that was certainly not accepted is resent or fails; any other is unclear."""
    async with stage.bot(IMPATIENT, **STEADY):
        for cell in cells:
            sent, paid = posts(stage), len(stage.fox.payments)
            rule = stage.fox.faults.add("POST", CREATE, cell.fault, cell.times)
            reply = await stage.extend(stage.ana, clip, seconds=2)
            ended = await stage.until(stage.ana, reply, cell.end)
            await stage.fox.faults.wait("POST", CREATE, sent + cell.posts)
            assert not stage.fox.faults.is_armed(rule)
            assert (posts(stage) - sent, len(stage.fox.payments) - paid) == (cell.posts, cell.paid)
            assert_says_its_end(stage, ended, cell.end, cell.paid)
    assert len(await stage.ana.messages("videos")) == len(cells)


@pytest.mark.parametrize("faults", AT_QUERY.values(), ids=AT_QUERY)
async def test_at_the_query(stage: Harness, clip: Path, faults: Faults) -> None:
    """No response to a query, and no time-out, makes the bot give up a paid task."""
    # A success after each fault resets the backoff.
    success: Action = json(200, '{"status": "processing", "progress": 20}')
    await assert_all_retried(stage, clip, "GET", QUERY, [each for fault in faults for each in (fault, (success, 1))])


@pytest.mark.parametrize("faults", AT_DOWNLOAD.values(), ids=AT_DOWNLOAD)
async def test_at_the_results_download(stage: Harness, clip: Path, faults: Faults) -> None:
    """The download of the result is retried until it succeeds."""
    await assert_all_retried(stage, clip, "GET", RESULT, faults)


@pytest.mark.parametrize("faults", AT_UPLOAD.values(), ids=AT_UPLOAD)
async def test_at_the_upload(stage: Harness, clips: Clips, faults: Faults) -> None:
    """The upload of a prepared clip is retried until FoxAPI returns its URL; only then is the task paid for, once."""
    await assert_all_retried(stage, unfit(clips), "POST", UPLOAD, faults)
    (payment,) = stage.fox.payments
    assert f'"video_url": "{stage.fox.url}/files/'.encode() in payment.body


async def assert_all_retried(stage: Harness, clip: Path, method: str, path: str, faults: Faults) -> None:
    """Run one task through all the faults, and assert that it finishes and is paid for once."""
    rules = [stage.fox.faults.add(method, path, fault, times) for fault, times in faults]
    async with stage.bot(IMPATIENT, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, DONE)
    assert not [rule for rule in rules if stage.fox.faults.is_armed(rule)]
    await assert_told(stage, reply, DONE, paid=1)


async def test_an_upload_that_is_refused(stage: Harness, clips: Clips) -> None:
    """A refused upload is sent once, costs nothing, and ends with a sentence that says what to do."""
    async with stage.bot(IMPATIENT, **STEADY):
        for number, (fault, words) in enumerate(UPLOAD_REFUSED, 1):
            stage.fox.faults.add("POST", UPLOAD, fault)
            reply = await stage.extend(stage.ana, unfit(clips), seconds=2)
            ended = await stage.until(stage.ana, reply, FAILED)
            assert words in text_of(ended)
            assert_says_its_end(stage, ended, FAILED, paid=0)
            assert len(stage.fox.faults.matching("POST", UPLOAD)) == number
    assert posts(stage) == 0


@pytest.mark.parametrize("cells", AT_EDIT.values(), ids=AT_EDIT)
async def test_at_discords_edit(stage: Harness, clip: Path, cells: list[Cell]) -> None:
    """A failed progress edit loses only that update."""
    async with stage.bot(IMPATIENT, **STEADY):
        for cell in cells:
            rule = stage.discord.faults.add("PATCH", EDIT, cell.fault, cell.times)
            reply = await stage.extend(stage.ana, clip, seconds=2)
            ended = await stage.until(stage.ana, reply, cell.end)
            assert not stage.discord.faults.is_armed(rule)
            assert_says_its_end(stage, ended, cell.end, cell.paid)
    await assert_one_payment_and_message_each(stage, cells)


@pytest.mark.parametrize("cells", AT_RESULTS_EDIT.values(), ids=AT_RESULTS_EDIT)
async def test_at_the_edit_with_the_result(stage: Harness, clip: Path, cells: list[Cell]) -> None:
    """The delivery of the finished video is retried until Discord accepts it, once, in the same reply."""
    async with stage.bot(IMPATIENT, EDIT_SECONDS="4"):  # so that the second edit is the one with the result
        for cell in cells:
            ended = await deliver_despite(stage, clip, cell)
            assert_says_its_end(stage, ended, cell.end, cell.paid)
    await assert_one_payment_and_message_each(stage, cells)


async def deliver_despite(stage: Harness, clip: Path, cell: Cell) -> Json:
    halfway = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=halfway)
    edits = len(stage.discord.faults.matching("PATCH", EDIT))
    reply = await stage.extend(stage.ana, clip, seconds=2)
    await stage.discord.faults.wait("PATCH", EDIT, edits + 1)
    rule = stage.discord.faults.add("PATCH", EDIT, cell.fault, cell.times)
    halfway.release.set()
    ended = await stage.until(stage.ana, reply, cell.end)
    assert not stage.discord.faults.is_armed(rule)
    return ended


async def assert_one_payment_and_message_each(stage: Harness, cells: list[Cell]) -> None:
    assert len(stage.fox.payments) == posts(stage) == len(cells)
    assert len([each for each in await stage.ana.messages("videos") if each["embeds"]]) == len(cells)


FIRST_RESPONSES: list[tuple[Action, int, str, int]] = [
    (Answer(429, RATE_BODY, RATE), 1, "Finished", 1),
    (json(500, "{}"), 1, "Finished", 1),
    (Answer(502, PAGE, content_type="text/html", after=True), 1, "Finished", 1),
    (Answer(200, "?", after=True), 1, "Finished", 1),
    (Lose(), 1, "Finished", 1),
    (Truncate(), 1, "Finished", 1),
    (Slow(0.5), 1, "Finished", 1),
    (Reset(), 1, "Finished", 1),
    (Reset(), 2, "Discord is not responding", 0),
    (html(503), 1, "Finished", 1),
]


async def test_at_the_first_response(stage: Harness, clip: Path) -> None:
    """Without a reply nothing is paid; a reply that Discord created is used even if Discord's response was lost."""
    async with stage.bot(IMPATIENT, **STEADY):
        channel = await stage.ana.channel("videos")
        for fault, times, words, paid in FIRST_RESPONSES:
            before, known = len(stage.fox.payments), set(stage.ana.seen)
            stage.discord.faults.add("POST", "/callback", fault, times)
            await stage.ana.command("extend", channel, prompt="go on", video=await stage.ana.upload(clip), seconds=2)
            await wait_for_new_message(stage, known, words)
            assert len(stage.fox.payments) - before == paid
            assert len(set(stage.ana.seen) - known) == 1


async def wait_for_new_message(stage: Harness, known: set[str], words: str) -> None:
    """Wait until Ana sees a message that is not `known` and has this title or text."""
    await stage.ana.wait_message(
        lambda it: it["id"] not in known and (title_of(it) == words or text_of(it).startswith(words))
    )


async def test_a_first_response_that_comes_too_late(
    stage: Harness, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After three seconds the interaction is unknown to Discord (10062): no task is created, paid or retried."""
    callback, late = "/callback$", Hold()
    stage.discord.faults.add("POST", callback, late)
    async with stage.bot(IMPATIENT, **STEADY):
        channel = await stage.ana.channel("videos")
        await stage.ana.command("extend", channel, prompt="too late", video=await stage.ana.upload(clip), seconds=2)
        await late.reached.wait()
        stage.clock.advance(4)
        late.release.set()
        await stage.ana.wait_event("interaction_failed", lambda it: "did not respond" in it["text"])
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, DONE)
    assert [call.status for call in stage.discord.faults.matching("POST", callback)] == [404, 200]
    (line,) = [each for each in caplog.records if each.name.startswith("bot.client") and each.levelno >= WARNING]
    assert "after its three seconds" in line.message
    await assert_told(stage, reply, DONE, paid=1)


QUIRKS = [
    (Quirks(withheld=4), DONE),
    (Quirks(shape="strings"), DONE),
    (Quirks(shape="output.url"), DONE),
    (Quirks(shape="output.urls"), DONE),
    (Quirks(sparse=True), DONE),
    (Quirks(ends_cancelled=True), FAILED),
    (Quirks(failure=Failure("generation_timeout", "too slow", at=30)), FAILED),
]


async def test_foxapis_quirks(stage: Harness, clip: Path) -> None:
    """Every result shape is read, a link that comes late is waited for, and every failure is shown."""
    async with stage.bot(FAST, **STEADY):
        for number, (quirks, end) in enumerate(QUIRKS, 1):
            stage.fox.next_quirks = quirks
            reply = await stage.extend(stage.ana, clip, seconds=2)
            ended = await stage.until(stage.ana, reply, end)
            assert_says_its_end(stage, ended, end, paid=1)
            assert len(stage.fox.payments) == posts(stage) == number


async def test_a_link_that_never_comes(stage: Harness, clip: Path) -> None:
    """A finished task without a link fails after a time-out, and its reply says that it may have been billed."""
    stage.fox.next_quirks = Quirks(withheld=None)
    async with stage.bot(replace(FAST, result_link=0.6), **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        assert_says_its_end(stage, await stage.until(stage.ana, reply, FAILED), FAILED, paid=1)
    assert len(stage.fox.payments) == posts(stage) == 1
