"""The whole sandbox: its parts start and stop together, and the control panel shows and controls them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.app import Sandbox, run
from bot.sandbox.foxapi import Quirks
from bot.sandbox.foxapi.probe import check, probe

CREATE = "/v1/videos/generations"


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(pace=0) as sandbox:
        await sandbox.discord.faults.wait("PUT", r"/applications/\d+/commands$")
        yield sandbox


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sandbox.url, headers={"User-Agent": "page/1"}) as page:
        yield page
        await post(page, "/panel/clear")


async def post(page: aiohttp.ClientSession, path: str, **body: object) -> tuple[int, Any]:
    async with page.post(path, json=body) as answer:
        return answer.status, await answer.json()


async def state(page: aiohttp.ClientSession) -> dict[str, Any]:
    async with page.get("/panel/state") as answer:
        told = await answer.json()
    assert isinstance(told, dict)
    return told


async def until(page: aiohttp.ClientSession, right: Callable[[dict[str, Any]], bool]) -> None:
    async with asyncio.timeout(10):
        while not right(await state(page)):
            await asyncio.sleep(0.02)


async def test_what_the_bot_does_is_shown_without_secrets(sandbox: Sandbox, page: aiohttp.ClientSession) -> None:
    """The bot's REST calls, FoxAPI calls and log lines become events without keys and tokens."""
    async with page.post(f"/api/v10/webhooks/1/{'t' * 60}/messages/2") as answer:
        assert answer.status >= 400
    async with page.get(f"{sandbox.fox.url}/v1/{sandbox.fox.key}"):
        pass
    await until(page, lambda told: {"rest", "log", "bot", "fox"} <= {event["kind"] for event in told["events"]})
    events = (await state(page))["events"]
    assert all(event.keys() == {"kind", "at", "text", "status"} for event in events)
    text = json.dumps(events, ensure_ascii=False)
    assert "/webhooks/1/…/messages/2" in text
    assert sandbox.fox.key not in text
    assert sandbox.world.token not in text


async def test_each_fault_can_be_armed_and_cleared(page: aiohttp.ClientSession) -> None:
    """Every fault is shown as active once armed, and none after clearing."""
    faults = (await state(page))["faults"]
    assert len(faults) >= 10
    for fault in faults:
        assert await post(page, "/panel/fault", id=fault["id"]) == (200, {})
        assert fault["id"] in (await state(page))["active"]
        await post(page, "/panel/clear")
    assert (await state(page))["active"] == []


async def test_a_fault_is_spent_by_the_next_match(sandbox: Sandbox, page: aiohttp.ClientSession) -> None:
    """An armed response applies to one call, and an armed quirk to one task."""
    await post(page, "/panel/fault", id="no-balance")
    await post(page, "/panel/fault", id="slow")
    await post(page, "/panel/fault", id="content-refused")
    assert sandbox.fox.next_quirks is not None
    assert sandbox.fox.next_quirks.slower > 1
    headers = {"Authorization": f"Bearer {sandbox.fox.key}"}
    body = {"model": "grok-imagine-video-extension", "prompt": "x", "video_url": f"{sandbox.url}/samples/sea.mp4"}
    async with page.post(sandbox.fox.url + CREATE, json=body, headers=headers) as answer:
        assert answer.status == 402
    async with page.post(sandbox.fox.url + CREATE, json=body, headers=headers) as answer:
        task = sandbox.fox.tasks[(await answer.json())["id"]]
    assert (await state(page))["active"] == []
    assert task.quirks != Quirks()
    await task.ended.wait()
    assert task.error is not None
    assert task.error["code"] == "content_policy_violation"


async def test_the_bot_can_be_stopped_killed_and_started(sandbox: Sandbox, page: aiohttp.ClientSession) -> None:
    """The panel stops and kills the bot, reports it, and starts it again."""
    assert await post(page, "/panel/bot", action="stop") == (200, {"bot": "stopped"})
    assert sandbox.bot.code == 0
    assert (await post(page, "/panel/bot", action="start"))[1]["bot"] in ("starting", "running")
    assert await post(page, "/panel/bot", action="kill") == (200, {"bot": "stopped"})
    assert sandbox.bot.code == -signal.SIGKILL
    assert "exited with code -9" in (await state(page))["events"][-1]["text"]
    await post(page, "/panel/bot", action="start")


async def test_time_can_be_moved_on(sandbox: Sandbox, page: aiohttp.ClientSession) -> None:
    """The sandbox clock advances by the requested seconds and never goes back."""
    before = sandbox.clock.now()
    assert (await post(page, "/panel/time", seconds=60))[0] == 200
    assert sandbox.clock.now() >= before + 60
    assert (await post(page, "/panel/time", seconds=-1))[0] == 400


@pytest.mark.parametrize(
    ("path", "body"), [("fault", {"id": "x"}), ("bot", {"action": "x"}), ("time", {"seconds": "1"}), ("time", {})]
)
async def test_the_panel_refuses_in_a_sentence(page: aiohttp.ClientSession, path: str, body: dict[str, object]) -> None:
    """Unknown input to the panel gets 400 with a sentence."""
    status, response = await post(page, f"/panel/{path}", **body)
    assert (status, response["message"][-1]) == (400, ".")


async def test_the_samples_can_be_extended(sandbox: Sandbox, page: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Each sample matches its description, has a poster, and is accepted by FoxAPI."""
    for card in sandbox.world.samples:
        async with page.get(card["url"]) as answer:
            path = tmp_path / card["name"]
            await asyncio.to_thread(path.write_bytes, await answer.read())
        clip = await probe(path)
        check(clip)
        assert (clip.width, clip.height) == (card["width"], card["height"])
        assert clip.seconds == pytest.approx(card["seconds"], abs=0.05)
        async with page.get(card["poster_url"]) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")


async def test_a_busy_port_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """If the port is in use, the sandbox exits with code 1 and a sentence with the port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert await run(port) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert str(port) in err


async def test_a_signal_ends_everything() -> None:
    """On SIGTERM the sandbox exits with code 0 and stops the bot and the page."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "sandbox", "--port", "0"),
        cwd=Path(__file__).parents[3],
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    line = (await child.stdout.readline()).decode()
    url = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
    child.terminate()
    assert await child.wait() == 0
    async with aiohttp.ClientSession() as page:
        with pytest.raises(aiohttp.ClientConnectionError):
            await page.get(url)


@pytest.mark.skipif(sys.platform != "linux", reason="a process's environment is read from /proc")
async def test_the_bots_environment_is_its_own(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real token in the environment does not reach the sandbox's bot."""
    monkeypatch.setenv("DISCORD_TOKEN", "real")
    monkeypatch.setenv("FOXAPI_MODEL", "real")
    await sandbox.bot.stop()
    await sandbox.bot.start()
    pid = sandbox.bot.pid
    environment = await asyncio.to_thread(Path(f"/proc/{pid}/environ").read_text)
    assert "real" not in environment
    assert os.environ["DISCORD_TOKEN"] == "real"
