"""The FoxAPI fake follows the documented contract: requests, responses, errors and expiring links."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.clock import Clock
from bot.sandbox.faults import Answer, Hold, Lose, Truncate
from bot.sandbox.foxapi import FoxServer
from tests.support.fox_client import CREATE, MODEL, TASKS, UPLOAD, Client, Json, form, make_clip, open_client


@pytest.fixture(scope="module")
async def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of 320x180 with sound."""
    return await make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a FoxAPI fake without quirks."""
    async with open_client(FoxServer(Clock())) as client:
        yield client


async def test_the_create_answer_is_the_documented_one(client: Client, clip: Path) -> None:
    """A create response has exactly the documented fields."""
    body = {"model": MODEL, "prompt": "go on", "video_url": await client.upload(clip), "duration": 2}
    status, told = await client.call("POST", CREATE, json=body)
    assert status == 200
    assert re.fullmatch(r"task-unified-\d+-[a-z0-9]{8}", told.pop("id"))
    assert isinstance(told.pop("created"), int)
    assert isinstance(told["task_info"].pop("estimated_time"), int)
    assert told == {
        "model": MODEL,
        "object": "video.generation.task",
        "progress": 0,
        "status": "pending",
        "task_info": {"can_cancel": True},
        "type": "video",
    }


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"model": "grok-imagine-video"}, "model"),
        ({"duration": 1}, "duration"),
        ({"duration": 11}, "duration"),
        ({"duration": "6"}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": None}, "duration"),
        ({"prompt": "x" * 4097}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"video_url": "ftp://example.org/a.mp4"}, "video_url"),
        ({"video_url": "http://"}, "video_url"),
        ({"video_url": "http://[broken"}, "video_url"),
        ({"video_url": None}, "video_url"),
        ({"callback_url": "http://example.org"}, "callback_url"),
    ],
)
async def test_a_bad_field_is_refused_and_not_billed(client: Client, change: Json, word: str) -> None:
    """Each invalid field gets the documented 422, which names it, and nothing is billed."""
    good = {"model": MODEL, "prompt": "x", "video_url": "http://127.0.0.1:9/a.mp4", "duration": 2}
    status, told = await client.call("POST", CREATE, json=good | change)
    assert status == 422
    assert word in told["error"]["message"]
    assert set(told["error"]) == {"message", "type", "code"}
    assert client.fox.payments == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
async def test_a_malformed_body_is_refused(client: Client, body: bytes) -> None:
    """A body that is not a JSON object gets the documented 400."""
    status, told = await client.call("POST", CREATE, data=body, headers={"Content-Type": "application/json"})
    assert (status, set(told["error"])) == (400, {"message", "type"})


@pytest.mark.parametrize("path", ["/v1/tasks/x", "/v1/models", "/api/usage/token/"])
@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic x"])
async def test_a_wrong_key_is_refused(client: Client, path: str, given: str) -> None:
    """Every call without the key gets the documented 401."""
    status, told = await client.call("GET", path, headers={"Authorization": given})
    assert (status, told["error"]["type"]) == (401, "authentication_error")


@pytest.mark.parametrize("agent", ["python-requests/2.32", "Python/3.11 aiohttp/3.14.0", "aiohttp", "curl/8.1", ""])
async def test_a_librarys_user_agent_is_turned_away(client: Client, agent: str) -> None:
    """A library's default User-Agent gets 403 in plain text."""
    assert await client.call("GET", "/v1/models", headers={"User-Agent": agent}) == (403, "error code: 1010")


async def test_an_unknown_task_is_not_found(client: Client) -> None:
    """An unknown id gets the documented 404."""
    status, told = await client.call("GET", TASKS + "task-unified-1-abc")
    assert (status, set(told["error"])) == (404, {"message", "type", "code"})


async def test_each_create_is_billed_until_the_balance_is_used_up(client: Client) -> None:
    """Every accepted call is one payment with the call's body; without balance calls get 402."""
    client.fox.balance = 12
    url = "http://127.0.0.1:9/a.mp4"
    ids = [await client.create(url), await client.create(url)]
    body = {"model": MODEL, "prompt": "x", "video_url": url}
    status, told = await client.call("POST", CREATE, json=body)
    assert (status, set(told["error"])) == (402, {"message", "type", "code"})
    assert [payment.task_id for payment in client.fox.payments] == ids
    assert client.fox.payments[0].body == client.fox.faults.matching("POST", CREATE)[0].body
    _, usage = await client.call("GET", "/api/usage/token/")
    assert usage["data"]["total_available"] == 2


async def test_an_absent_duration_is_six_seconds(client: Client) -> None:
    """Without `duration`, a task takes the documented default."""
    body = {"model": MODEL, "prompt": "x", "video_url": "http://127.0.0.1:9/a.mp4"}
    _, told = await client.call("POST", CREATE, json=body)
    assert client.fox.tasks[told["id"]].request.seconds == 6


async def test_the_models_are_listed(client: Client) -> None:
    """The model list contains the model unless a test removes it."""
    _, told = await client.call("GET", "/v1/models")
    assert [model["id"] for model in told["data"]] == [MODEL]


async def test_links_are_signed_and_age(client: Client, clip: Path) -> None:
    """A result's link works for 24 hours and an upload's for 72; a forged one is rejected."""
    upload = await client.upload(clip)
    told = await client.wait_finished(await client.create(upload))
    link = told["results"][0]["url"]

    async def status(url: str) -> int:
        async with client.session.get(url) as answer:
            return answer.status

    assert await status(link.replace("signature=", "signature=0")) == 403
    assert await status(re.sub(r"expires=\d+", "expires=9999999999", link)) == 403
    client.fox.clock.advance(23.9 * 3600)
    assert await status(link) == 200
    client.fox.clock.advance(0.2 * 3600)
    assert (await status(link), await status(upload)) == (403, 200)
    client.fox.clock.advance(48 * 3600)
    assert await status(upload) == 404


async def test_a_part_of_a_result_can_be_asked_for(client: Client, clip: Path) -> None:
    """Result files support Range requests."""
    told = await client.wait_finished(await client.create(await client.upload(clip)))
    async with client.session.get(told["results"][0]["url"], headers={"Range": "bytes=0-9"}) as answer:
        assert (answer.status, len(await answer.read())) == (206, 10)


async def test_uploads_are_kept_as_they_are_named(client: Client) -> None:
    """An upload response has the documented fields, and `file_name` takes precedence over the file's name."""
    fields = form(b"abc", "../odd name.mp4")
    fields.add_field("file_name", "better.mp4")
    status, told = await client.call("POST", UPLOAD, data=fields)
    assert status == 200
    assert told.keys() == {"id", "filename", "url", "size", "created"}
    assert (told["filename"], told["size"]) == ("better.mp4", 3)
    async with client.session.get(told["url"]) as answer:
        assert await answer.read() == b"abc"


async def test_an_upload_over_the_limit_is_refused() -> None:
    """An upload over the limit gets 413, one without a file 422, and one that is not a form 400."""
    async with open_client(FoxServer(Clock(), upload_limit=1000)) as client:
        assert (await client.call("POST", UPLOAD, data=form(b"x" * 1000)))[0] == 200
        assert (await client.call("POST", UPLOAD, data=form(b"x" * 1001)))[0] == 413
        nameless = aiohttp.FormData(default_to_multipart=True)
        nameless.add_field("file_name", "x")
        assert (await client.call("POST", UPLOAD, data=nameless))[0] == 422
        assert (await client.call("POST", UPLOAD, data=b"x"))[0] == 400


async def test_a_lost_answer_is_still_billed(client: Client, clip: Path) -> None:
    """A create call whose response is lost was accepted: the task exists, is billed and is rendered."""
    url = await client.upload(clip)
    client.fox.faults.add("POST", CREATE, Lose())
    with pytest.raises(aiohttp.ClientError):
        await client.create(url)
    [payment] = client.fox.payments
    assert (await client.wait_finished(payment.task_id))["status"] == "completed"


async def test_single_calls_can_be_answered_wrongly(client: Client, clip: Path) -> None:
    """A rule can replace a response, hold a call or interrupt a download."""
    url = await client.upload(clip)
    client.fox.faults.add("POST", CREATE, Answer(429, "{}", {"Retry-After": "5"}))
    assert (await client.call("POST", CREATE, json={}))[0] == 429
    assert client.fox.payments == []
    hold = Hold(after=True)
    client.fox.faults.add("POST", CREATE, hold)
    creating = asyncio.create_task(client.create(url))
    await hold.reached.wait()
    assert len(client.fox.payments) == 1
    hold.release.set()
    told = await client.wait_finished(await creating)
    client.fox.faults.add("GET", "^/results/", Truncate())
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.session.get(told["results"][0]["url"]) as answer:
            await answer.read()
