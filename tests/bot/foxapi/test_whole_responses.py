"""Answers are read whole, however many pieces they come in, and a status counts though its body breaks off."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from pydantic import SecretStr

from bot.check import http
from bot.check.foxapi import Responses, check_account
from bot.foxapi import FoxAPI, Rejected, SubmissionUncertain, TransientError
from tests.fuzz.server import RawServer, raw_server

MODELS = json.dumps({"data": [{"id": f"model-{number}", "about": "x" * 700} for number in range(110)]}).encode()


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as listening:
        yield listening


@asynccontextmanager
async def fox_at(server: RawServer) -> AsyncIterator[FoxAPI]:
    async with FoxAPI(f"http://{server.host}", SecretStr("key"), "model-7", 5, query_seconds=5) as fox:
        yield fox


def pieces(status: str, body: bytes, *, promised: int | None = None) -> tuple[bytes, ...]:
    """An answer whose body comes in two pieces, of which the second is late."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {promised or len(body)}\r\n\r\n"
    return head.encode(), body[: len(body) // 2], body[len(body) // 2 :]


async def test_check_reads_a_long_list_of_models(server: RawServer) -> None:
    """A list of 81 kB that comes in pieces is a right key and a model that can be called."""
    assert len(MODELS) > 80_000
    server.answer = pieces("200 OK", MODELS)
    async with aiohttp.ClientSession() as session:
        answer = await http.get(session, f"http://{server.host}/v1/models", {}, lambda: datetime.now(UTC))
    assert not isinstance(answer, http.RequestFailed)
    found = {each.name: each for each in check_account(Responses(answer, answer, None), server.host, "model-7")}
    assert found["key"].ok
    assert found["model"].ok


async def test_check_keeps_to_its_bound(server: RawServer) -> None:
    """Of a page without end the beginning is read, and it is an answer all the same."""
    server.answer = (b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 40)
    async with aiohttp.ClientSession() as session:
        answer = await http.get(session, f"http://{server.host}/", {}, lambda: datetime.now(UTC))
    assert answer.status == 200
    assert 1 << 20 <= len(answer.body) < 2 << 20


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted"])
async def test_a_paid_answer_in_pieces(server: RawServer, status: str) -> None:
    """Whichever 2xx FoxAPI says, a task that was taken is known as such, though its id comes late."""
    server.answer = pieces(status, b'{"padding":"' + b"x" * 70_000 + b'","id":"task-1"}')
    async with fox_at(server) as fox:
        assert (await fox.submit("a cat", "https://x.test/a.mp4", 6)).remote_id == "task-1"


@pytest.mark.parametrize(
    ("status", "kind"), [("402 No", Rejected), ("422 No", Rejected), ("503 No", SubmissionUncertain)]
)
async def test_a_refusal_that_breaks_off(server: RawServer, status: str, kind: type[Exception]) -> None:
    """What FoxAPI refuses outright was not taken, though its words break off; any other fault leaves that open."""
    server.answer = pieces(status, b'{"error":{"message":"no', promised=500)
    async with fox_at(server) as fox:
        with pytest.raises(kind):
            await fox.submit("a cat", "https://x.test/a.mp4", 6)


async def test_a_taken_task_that_breaks_off(server: RawServer) -> None:
    """A 2xx that breaks off may have been taken, and a query that does is asked again."""
    server.answer = pieces("200 OK", b'{"id":"task-1","status"', promised=500)
    async with fox_at(server) as fox:
        with pytest.raises(SubmissionUncertain):
            await fox.submit("a cat", "https://x.test/a.mp4", 6)
        with pytest.raises(TransientError):
            await fox.task("task-1")


ODD_IDS = ["../../v1/models", "a/b", "", ".", "..", "a b", "\ud800", "\0", "x" * 201, 7, None, ["t"], {"id": "t"}]


@pytest.mark.parametrize("remote_id", ODD_IDS, ids=ascii)
async def test_an_id_that_cannot_be_asked_for(server: RawServer, remote_id: object) -> None:
    """An id that is no plain word is none: the task may have been taken, and is never sent again."""
    server.answer = pieces("200 OK", json.dumps({"id": remote_id}).encode())
    async with fox_at(server) as fox:
        with pytest.raises(SubmissionUncertain):
            await fox.submit("a cat", "https://x.test/a.mp4", 6)


@pytest.mark.parametrize(
    "url", ["https://x.test/\ud800", "https://x.test/\0", "https://x.test/" + "a" * 5000, 7, "ftp://x/"]
)
async def test_a_link_that_cannot_be_kept(server: RawServer, url: object) -> None:
    """A result's link with half a character in it, or without an end, is none: no database would take it."""
    server.answer = pieces("200 OK", json.dumps({"status": "completed", "results": [{"url": url}]}).encode())
    async with fox_at(server) as fox:
        assert (await fox.task("task-1")).url is None


async def test_words_that_cannot_be_kept(server: RawServer) -> None:
    """What FoxAPI says of a failure is kept without NULs and halves of characters."""
    failed = {"status": "failed", "error": {"code": "new", "message": "the \ud800moon\0 is\nfull"}}
    server.answer = pieces("200 OK", json.dumps(failed).encode())
    async with fox_at(server) as fox:
        seen = await fox.task("task-1")
    assert "“the moon is full”" in str(seen.message)
    assert str(seen.message).encode()
