"""The fault matrix: one line per fault and place, with what was paid and what the member saw in the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.sandbox.faults import Action, Answer, Lose, Reset, Slow, Truncate
from bot.sandbox.fox.quirks import Failure, Pause, Quirks
from tests.clips import Clips
from tests.hardship import CALM, DONE, EDIT, FAILED, HASTY, QUERY, RESULT, UNCLEAR, assert_told, tiny
from tests.stage import CREATE, Stage, text_of, title_of

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
    """The next `times` calls meet `fault`; the reply ends with `end`, after so many POSTs and payments."""

    fault: Action
    end: str
    paid: int
    posts: int = 1
    times: int = 1


def ids(cells: list[Cell]) -> list[str]:
    return [f"{type(cell.fault).__name__} {getattr(cell.fault, 'status', '')} {cell.times}" for cell in cells]


AT_CREATE = [
    Cell(json(429), DONE, paid=1, posts=4, times=3),
    Cell(html(429), DONE, paid=1, posts=2),
    Cell(json(500), UNCLEAR, paid=0),
    Cell(html(502), UNCLEAR, paid=0),
    Cell(empty(503), UNCLEAR, paid=0),
    Cell(html(504), UNCLEAR, paid=0),
    Cell(json(400), FAILED, paid=0),
    Cell(json(401), FAILED, paid=0),
    Cell(json(402), FAILED, paid=0),
    Cell(text(403), FAILED, paid=0),
    Cell(json(404), FAILED, paid=0),
    Cell(html(413), FAILED, paid=0),
    Cell(json(422), FAILED, paid=0),
    Cell(Answer(307, headers={"Location": "/v1/videos/generations"}), FAILED, paid=0),
    Cell(html(200), UNCLEAR, paid=0),
    Cell(empty(200), UNCLEAR, paid=0),
    Cell(json(200, '{"status": "pending"}'), UNCLEAR, paid=0),
    Cell(json(200, '{"id": null}'), UNCLEAR, paid=0),
    Cell(json(200, "[]"), UNCLEAR, paid=0),
    Cell(Reset(), UNCLEAR, paid=0),
    Cell(Lose(), UNCLEAR, paid=1),
    Cell(Truncate(), UNCLEAR, paid=1),
    Cell(Slow(0.3), DONE, paid=1),
    Cell(Slow(1.3), UNCLEAR, paid=1),
]

AT_QUERY = [
    Cell(json(429), DONE, paid=1, times=3),
    Cell(json(500), DONE, paid=1, times=3),
    Cell(html(502), DONE, paid=1, times=3),
    Cell(empty(503), DONE, paid=1, times=3),
    Cell(html(504), DONE, paid=1, times=3),
    Cell(json(401), DONE, paid=1, times=3),
    Cell(json(402), DONE, paid=1, times=3),
    Cell(text(403), DONE, paid=1, times=3),
    Cell(json(404), DONE, paid=1, times=3),
    Cell(json(404), DONE, paid=1, times=9),
    Cell(json(422), DONE, paid=1, times=3),
    Cell(html(200), DONE, paid=1, times=3),
    Cell(empty(200), DONE, paid=1),
    Cell(json(200, "{}"), DONE, paid=1),
    Cell(json(200, '{"status": "dreaming", "progress": 20}'), DONE, paid=1, times=3),
    Cell(json(200, '{"status": "completed", "results": [{"url": null}]}'), DONE, paid=1, times=3),
    Cell(json(200, '{"status": "processing", "progress": "many"}'), DONE, paid=1),
    Cell(Reset(), DONE, paid=1, times=3),
    Cell(Truncate(), DONE, paid=1),
    Cell(Slow(0.5), DONE, paid=1),
]

AT_DOWNLOAD = [
    Cell(json(429), DONE, paid=1, times=3),
    Cell(json(500), DONE, paid=1),
    Cell(html(503), DONE, paid=1, times=3),
    Cell(text(403), DONE, paid=1),
    Cell(json(404), DONE, paid=1, times=3),
    Cell(html(200), DONE, paid=1),
    Cell(empty(200), DONE, paid=1),
    Cell(text(200, "not a video"), DONE, paid=1),
    Cell(Reset(), DONE, paid=1, times=3),
    Cell(Truncate(), DONE, paid=1, times=3),
    Cell(Slow(0.8), DONE, paid=1),
]

AT_EDIT = [
    Cell(Answer(429, RATE_BODY, RATE), DONE, paid=1),
    Cell(html(429), DONE, paid=1),
    Cell(json(500, "{}"), DONE, paid=1),
    Cell(html(403), DONE, paid=1),
    Cell(empty(503), DONE, paid=1),
    Cell(json(200, "?"), DONE, paid=1),
    Cell(Reset(), DONE, paid=1),
    Cell(Lose(), DONE, paid=1),
    Cell(Truncate(), DONE, paid=1),
    Cell(Slow(0.5), DONE, paid=1),
]

AT_RESULTS_EDIT = [*AT_EDIT, Cell(json(413, '{"code": 40005, "message": "Request entity too large"}'), DONE, paid=1)]


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


@pytest.mark.parametrize("cell", AT_CREATE, ids=ids(AT_CREATE))
async def test_at_the_paid_request(stage: Stage, clip: Path, cell: Cell) -> None:
    """One payment at most: what was surely not taken is sent again or refused, and all else is unclear."""
    await fox_cell(stage, clip, cell, "POST", CREATE)


@pytest.mark.parametrize("cell", AT_QUERY, ids=ids(AT_QUERY))
async def test_at_the_query(stage: Stage, clip: Path, cell: Cell) -> None:
    """No answer to a query makes the bot give up what is paid for."""
    await fox_cell(stage, clip, cell, "GET", QUERY)


@pytest.mark.parametrize("cell", AT_DOWNLOAD, ids=ids(AT_DOWNLOAD))
async def test_at_the_results_download(stage: Stage, clip: Path, cell: Cell) -> None:
    """The result is fetched until it is there."""
    await fox_cell(stage, clip, cell, "GET", RESULT)


async def fox_cell(stage: Stage, clip: Path, cell: Cell, method: str, path: str) -> None:
    rule = stage.fox.faults.add(method, path, cell.fault, cell.times)
    async with stage.bot(HASTY, **CALM):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, cell.end)
        await stage.fox.faults.wait(method, path, cell.times)
    assert not stage.fox.faults.armed(rule)
    await assert_told(stage, reply, cell.end, cell.paid, cell.posts)


@pytest.mark.parametrize("cell", AT_EDIT, ids=ids(AT_EDIT))
async def test_at_discords_edit(stage: Stage, clip: Path, cell: Cell) -> None:
    """Progress that cannot be shown costs nothing but itself."""
    rule = stage.discord.faults.add("PATCH", EDIT, cell.fault, cell.times)
    async with stage.bot(HASTY, **CALM):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, cell.end)
    assert not stage.discord.faults.armed(rule)
    await assert_told(stage, reply, cell.end, cell.paid, cell.posts)


@pytest.mark.parametrize("cell", AT_RESULTS_EDIT, ids=ids(AT_RESULTS_EDIT))
async def test_at_the_edit_with_the_result(stage: Stage, clip: Path, cell: Cell) -> None:
    """The finished video is brought until Discord has taken it, once, into the same reply."""
    halfway = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot(HASTY, EDIT_SECONDS="30"):  # so that the second edit is the one with the result
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.discord.faults.wait("PATCH", EDIT)
        rule = stage.discord.faults.add("PATCH", EDIT, cell.fault, cell.times)
        halfway.release.set()
        await stage.until(stage.ana, reply, cell.end)
    assert not stage.discord.faults.armed(rule)
    await assert_told(stage, reply, cell.end, cell.paid, cell.posts)


@pytest.mark.parametrize(
    ("fault", "words", "paid"),
    [
        (Answer(429, RATE_BODY, RATE), "Finished", 1),
        (json(500, "{}"), "Finished", 1),
        (Lose(), "Finished", 1),
        (Truncate(), "Finished", 1),
        (Slow(0.5), "Finished", 1),
        (Reset(), "Something went wrong", 0),
        (html(503), "Finished", 1),
    ],
)
async def test_at_the_first_answer(stage: Stage, clip: Path, fault: Action, words: str, paid: int) -> None:
    """Without a reply nothing is paid; a reply that Discord took is used, also when Discord's word of it was lost."""
    stage.discord.faults.add("POST", "/callback", fault)
    async with stage.bot(HASTY, **CALM):
        channel = await stage.ana.channel("videos")
        await stage.ana.command("extend", channel, prompt="go on", video=await stage.ana.upload(clip), seconds=2)
        await stage.ana.wait_message(lambda it: title_of(it) == words or text_of(it).startswith(words))
    assert len(stage.fox.payments) == paid
    assert len(await stage.ana.messages("videos")) == 1


@pytest.mark.parametrize(
    ("quirks", "end"),
    [
        (Quirks(withheld=4), DONE),
        (Quirks(withheld=None), FAILED),
        (Quirks(shape="strings"), DONE),
        (Quirks(shape="output.url"), DONE),
        (Quirks(shape="output.urls"), DONE),
        (Quirks(sparse=True), DONE),
        (Quirks(ends_cancelled=True), FAILED),
        (Quirks(failure=Failure("generation_timeout", "too slow", at=30)), FAILED),
    ],
)
async def test_foxapis_quirks(stage: Stage, clip: Path, quirks: Quirks, end: str) -> None:
    """Each shape of a result is found, each kind of failure told; a missing link is waited for, with a bound."""
    stage.fox.next_quirks = quirks
    async with stage.bot(HASTY, **CALM):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, end)
    await assert_told(stage, reply, end, paid=1)
