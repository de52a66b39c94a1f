"""Responses are read completely, in however many chunks, and a status counts even if its body breaks off."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from pydantic import SecretStr

from bot.check import http
from bot.check.foxapi import FoxResponses, check_account
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


def split_response(status: str, body: bytes, *, promised: int | None = None) -> tuple[bytes, ...]:
    """Return a response whose body is sent in two chunks, the second one late."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {promised or len(body)}\r\n\r\n"
    return head.encode(), body[: len(body) // 2], body[len(body) // 2 :]


async def test_check_reads_a_long_list_of_models(server: RawServer) -> None:
    """A list of 81 kB in several chunks shows that the key is valid and the model available."""
    assert len(MODELS) > 80_000
    server.answer = split_response("200 OK", MODELS)
    async with aiohttp.ClientSession() as session:
        answer = await http.get(session, f"http://{server.host}/v1/models", {}, lambda: datetime.now(UTC))
    assert not isinstance(answer, http.RequestFailed)
    found = {each.name: each for each in check_account(FoxResponses(answer, answer, None), server.host, "model-7")}
    assert found["key"].ok
    assert found["model"].ok


async def test_check_keeps_to_its_size_limit(server: RawServer) -> None:
    """Of an endless page only the beginning is read, and it counts as a response."""
    server.answer = (b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 40)
    async with aiohttp.ClientSession() as session:
        answer = await http.get(session, f"http://{server.host}/", {}, lambda: datetime.now(UTC))
    assert answer.status == 200
    assert 1 << 20 <= len(answer.body) < 2 << 20


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted"])
async def test_a_paid_response_in_chunks(server: RawServer, status: str) -> None:
    """With any 2xx status, an accepted task is recognized, even if its id arrives late."""
    server.answer = split_response(status, b'{"padding":"' + b"x" * 70_000 + b'","id":"task-1"}')
    async with fox_at(server) as fox:
        assert (await fox.submit("a cat", "https://x.test/a.mp4", 6)).remote_id == "task-1"


@pytest.mark.parametrize(
    ("status", "kind"), [("402 No", Rejected), ("422 No", Rejected), ("503 No", SubmissionUncertain)]
)
async def test_a_refusal_that_breaks_off(server: RawServer, status: str, kind: type[Exception]) -> None:
    """A rejected request was not accepted even if the body breaks off; any other error leaves that open."""
    server.answer = split_response(status, b'{"error":{"message":"no', promised=500)
    async with fox_at(server) as fox:
        with pytest.raises(kind):
            await fox.submit("a cat", "https://x.test/a.mp4", 6)


async def test_an_accepted_task_that_breaks_off(server: RawServer) -> None:
    """A 2xx that breaks off may have been accepted; a query that breaks off is retried."""
    server.answer = split_response("200 OK", b'{"id":"task-1","status"', promised=500)
    async with fox_at(server) as fox:
        with pytest.raises(SubmissionUncertain):
            await fox.submit("a cat", "https://x.test/a.mp4", 6)
        with pytest.raises(TransientError):
            await fox.get_task("task-1")


ODD_IDS = ["../../v1/models", "a/b", "", ".", "..", "a b", "\ud800", "\0", "x" * 201, 7, None, ["t"], {"id": "t"}]


@pytest.mark.parametrize("remote_id", ODD_IDS, ids=ascii)
async def test_an_invalid_task_id(server: RawServer, remote_id: object) -> None:
    """An invalid id counts as missing: the task may have been accepted and is never sent again."""
    server.answer = split_response("200 OK", json.dumps({"id": remote_id}).encode())
    async with fox_at(server) as fox:
        with pytest.raises(SubmissionUncertain):
            await fox.submit("a cat", "https://x.test/a.mp4", 6)


@pytest.mark.parametrize(
    "url", ["https://x.test/\ud800", "https://x.test/\0", "https://x.test/" + "a" * 5000, 7, "ftp://x/"]
)
async def test_a_result_url_that_cannot_be_stored(server: RawServer, url: object) -> None:
    """A result URL with a lone surrogate or of excessive length counts as missing: no database would store it."""
    server.answer = split_response("200 OK", json.dumps({"status": "completed", "results": [{"url": url}]}).encode())
    async with fox_at(server) as fox:
        assert (await fox.get_task("task-1")).url is None


async def test_text_that_cannot_be_stored(server: RawServer) -> None:
    """FoxAPI's failure text is stored without NULs and lone surrogates."""
    failed = {"status": "failed", "error": {"code": "new", "message": "the \ud800moon\0 is\nfull"}}
    server.answer = split_response("200 OK", json.dumps(failed).encode())
    async with fox_at(server) as fox:
        seen = await fox.get_task("task-1")
    assert "“the moon is full”" in str(seen.message)
    assert str(seen.message).encode()
