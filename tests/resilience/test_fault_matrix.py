"""The fault matrix: one row per fault and call, with the payments and the outcome that the member sees.

One bot goes through several rows, because starting it is most of a row's cost. Transient faults are applied to one
task in sequence: a later fault is reached only if the call was retried after the earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from logging import WARNING
from pathlib import Path

import pytest

from bot.sandbox.faults import Action, Answer, Hold, Lose, Reset, Slow, Truncate
from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks
from tests.support.clips import Clips
from tests.support.fast_timeouts import (
    DONE,
    EDIT,
    FAILED,
    FAST,
    QUERY,
    RESULT,
    STEADY,
    UNCLEAR,
    UPLOAD,
    assert_says_its_end,
    assert_told,
    posts,
    tiny,
    unfit,
)
from tests.support.harness import CREATE, Harness, Json, text_of, title_of

ERROR = '{"error": {"message": "it broke", "type": "server_error"}}'
PAGE = "<!doctype html><html><body>Bad gateway</body></html>"
RATE = {"Via": "1.1 google", "Retry-After": "0.1"}
RATE_BODY = '{"message": "You are being rate limited.", "retry_after": 0.1, "global": false}'


def json(status: int, body: str = ERROR) -> Answer:
    return Answer(status, body)


def html(status: int) -> Answer:
    return Answer(status, PAGE, content_type="text/html")


def text(status: int, body: str = "error code: 1010") -> Answer:
    return Answer(status, body, content_type="text/plain")


def empty(status: int) -> Answer:
    return Answer(status)


@dataclass(frozen=True)
class Cell:
    """The next `times` calls meet `fault`; the reply ends with `end` after that many POSTs and payments."""

    fault: Action
    end: str
    paid: int
    posts: int = 1
    times: int = 1


SENT_AGAIN = [
    Cell(json(429), DONE, paid=1, posts=4, times=3),
    Cell(html(429), DONE, paid=1, posts=2),
    Cell(Slow(0.3), DONE, paid=1),
]
REFUSED = [
    Cell(json(400), FAILED, paid=0),
    Cell(json(401), FAILED, paid=0),
    Cell(json(402), FAILED, paid=0),
    Cell(text(403), FAILED, paid=0),
    Cell(json(404), FAILED, paid=0),
    Cell(html(413), FAILED, paid=0),
    Cell(json(422), FAILED, paid=0),
    Cell(Answer(307, headers={"Location": "/v1/videos/generations"}), FAILED, paid=0),
]
SERVER_ERRORS = [
    Cell(json(500), UNCLEAR, paid=0),
    Cell(html(502), UNCLEAR, paid=0),
    Cell(empty(503), UNCLEAR, paid=0),
    Cell(html(504), UNCLEAR, paid=0),
    Cell(Answer(502, PAGE, after=True), UNCLEAR, paid=1),
]
UNREADABLE = [
    Cell(html(200), UNCLEAR, paid=0),
    Cell(empty(200), UNCLEAR, paid=0),
    Cell(json(200, '{"status": "pending"}'), UNCLEAR, paid=0),
    Cell(json(200, '{"id": null}'), UNCLEAR, paid=0),
    Cell(json(200, "[]"), UNCLEAR, paid=0),
]
BROKEN = [
    Cell(Reset(), UNCLEAR, paid=0),
    Cell(Lose(), UNCLEAR, paid=1),
    Cell(Truncate(), UNCLEAR, paid=1),
    Cell(Slow(1.3), UNCLEAR, paid=1),
]
AT_CREATE = {
    "resent": SENT_AGAIN,
    "refused": REFUSED,
    "server errors": SERVER_ERRORS,
    "unreadable": UNREADABLE,
    "broken connections": BROKEN,
}

Faults = Sequence[tuple[Action, int]]
"""The faults that one task's calls meet, in order, and how often each occurs."""

AT_QUERY: dict[str, Faults] = {
    "server errors": [(json(429), 3), (json(500), 3), (html(502), 3), (empty(503), 3), (html(504), 3)],
    "refusals": [(json(401), 3), (json(402), 3), (text(403), 3), (json(404), 3), (json(422), 3)],
    "long unknown": [(json(404), 9)],
    "unreadable": [
        (html(200), 3),
        (empty(200), 1),
        (json(200, "{}"), 1),
        (json(200, '{"status": "dreaming", "progress": 20}'), 3),
        (json(200, '{"status": "completed", "results": [{"url": null}]}'), 3),
        (json(200, '{"status": "processing", "progress": "many"}'), 1),
    ],
    "broken connections": [(Reset(), 3), (Lose(), 1), (Truncate(), 1), (Slow(0.8), 2)],
}

AT_DOWNLOAD: dict[str, Faults] = {
    "errors": [(json(429), 1), (json(500), 1), (html(503), 2), (text(403), 1), (json(404), 1)],
    "not a video": [(html(200), 1), (text(200, "not a video"), 1)],
    "broken connections": [(empty(200), 1), (Reset(), 2), (Truncate(), 2), (Slow(0.8), 1)],
}

AT_UPLOAD: dict[str, Faults] = {
    "server errors": [(json(429), 2), (json(500), 1), (html(502), 1), (empty(503), 1), (html(504), 1)],
    "unreadable": [
        (html(200), 1),
        (empty(200), 1),
        (json(200, "{}"), 1),
        (json(200, '{"url": null}'), 1),
        (json(200, '{"url": "/files/clip.mp4"}'), 1),
    ],
    "broken connections": [(Reset(), 2), (Lose(), 1), (Truncate(), 1), (Slow(0.2), 1)],
    "no answer in time": [(Slow(1), 2)],
}
UPLOAD_REFUSED: list[tuple[Action, str]] = [
    (json(400), "FoxAPI refused the request (400)"),
    (json(401), "does not accept the bot's key"),
    (json(402), "has run out of credit"),
    (text(403), "denied the bot access"),
    (html(413), "this clip is too large. Use a smaller one"),
    (json(422), "FoxAPI refused the request (422)"),
    (Answer(307, headers={"Location": UPLOAD}), "FoxAPI refused the request (307)"),
]

LIMITED = [
    Cell(Answer(429, RATE_BODY, RATE), DONE, paid=1),
    Cell(html(429), DONE, paid=1),
    Cell(html(403), DONE, paid=1),
    Cell(json(200, "?"), DONE, paid=1),
]
DISCORD_FAILING = [
    Cell(json(500, "{}"), DONE, paid=1),
    Cell(empty(503), DONE, paid=1),
    Cell(Reset(), DONE, paid=1),
    Cell(Lose(), DONE, paid=1),
    Cell(Truncate(), DONE, paid=1),
    Cell(Slow(0.5), DONE, paid=1),
]
AT_EDIT = {"refusals": LIMITED, "failing": DISCORD_FAILING}
TOO_LARGE = Cell(json(413, '{"code": 40005, "message": "Request entity too large"}'), DONE, paid=1)
AT_RESULTS_EDIT = {"refusals": [*LIMITED, TOO_LARGE], "failing": DISCORD_FAILING}


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


@pytest.mark.parametrize("cells", AT_CREATE.values(), ids=AT_CREATE)
async def test_at_the_paid_request(stage: Harness, clip: Path, cells: list[Cell]) -> None:
    """At most one payment: a request that was certainly not accepted is resent or fails; any other is unclear."""
    async with stage.bot(FAST, **STEADY):
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
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, DONE)
    assert not [rule for rule in rules if stage.fox.faults.is_armed(rule)]
    await assert_told(stage, reply, DONE, paid=1)


async def test_an_upload_that_is_refused(stage: Harness, clips: Clips) -> None:
    """A refused upload is sent once, costs nothing, and ends with a sentence that says what to do."""
    async with stage.bot(FAST, **STEADY):
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
    async with stage.bot(FAST, **STEADY):
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
    async with stage.bot(FAST, EDIT_SECONDS="4"):  # so that the second edit is the one with the result
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
    async with stage.bot(FAST, **STEADY):
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
    async with stage.bot(FAST, **STEADY):
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
    (Quirks(withheld=None), FAILED),
    (Quirks(shape="strings"), DONE),
    (Quirks(shape="output.url"), DONE),
    (Quirks(shape="output.urls"), DONE),
    (Quirks(sparse=True), DONE),
    (Quirks(ends_cancelled=True), FAILED),
    (Quirks(failure=Failure("generation_timeout", "too slow", at=30)), FAILED),
]


async def test_foxapis_quirks(stage: Harness, clip: Path) -> None:
    """Every result shape is read, every failure is shown, and a missing link is waited for with a time-out."""
    async with stage.bot(FAST, **STEADY):
        for number, (quirks, end) in enumerate(QUIRKS, 1):
            stage.fox.next_quirks = quirks
            reply = await stage.extend(stage.ana, clip, seconds=2)
            ended = await stage.until(stage.ana, reply, end)
            assert_says_its_end(stage, ended, end, paid=1)
            assert len(stage.fox.payments) == posts(stage) == number
