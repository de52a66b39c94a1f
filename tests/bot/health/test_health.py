"""/healthz and /metrics over real sockets, as Docker and Prometheus read them, while the bot runs."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from bot.health import http_tracing
from bot.sandbox.faults import Answer
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.fast_timeouts import tiny
from tests.support.harness import Harness

OPERATIONS = Path(__file__).resolve().parents[3] / "bot" / "operations"
REFUSE = "BEGIN SELECT RAISE(FAIL, 'disk full'); END"
RATE = Answer(
    429, '{"message": "slow", "retry_after": 0.1, "global": false}', {"Via": "1.1 google", "Retry-After": "0"}
)
_NAME = re.compile(r"\b(?:extendbot|process|python)_[a-z_]+")


def address(log: str) -> str:
    """Return the address that the bot logged."""
    *_, last = re.finditer(r"health and metrics at (http://[\d.]+:\d+)", log)
    return last[1]


async def asked(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()


async def scraped(base: str, accept: str = "") -> str:
    headers = {"Accept": accept} if accept else {}
    async with aiohttp.ClientSession() as session, session.get(f"{base}/metrics", headers=headers) as answer:
        assert answer.status == 200
        return await answer.text()


def samples(page: str) -> dict[str, float]:
    """Return the samples by name and labels, as on the page."""
    found = {}
    for family in text_string_to_metric_families(page):
        for each in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(each.labels.items()))
            found[f"{each.name}{{{labels}}}"] = each.value
    return found


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


async def test_a_task_is_seen_in_the_figures(stage: Harness, log: pytest.LogCaptureFixture) -> None:
    """One /extend shows up as running and then as ended, and every metric of the dashboard and the alerts exists."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    stage.discord.faults.add("PATCH", "/messages/", RATE)
    async with stage.bot(HTTP_PORT="0"):
        base = address(log.text)
        reply = await stage.extend(stage.ana, tiny(stage.clips), "a secret wish", seconds=2)
        await stage.until(stage.ana, reply, "Rendering")
        during = samples(await scraped(base))
        halfway.release.set()
        await stage.recorded(await stage.until(stage.ana, reply, "Finished"))
        page = await scraped(base)
        exact = await scraped(base, "application/openmetrics-text; version=1.0.0")
    after = samples(page)
    assert during["extendbot_tasks{state=rendering}"] == 1
    assert during["extendbot_tasks{state=queued}"] == 0
    assert after["extendbot_tasks{state=rendering}"] == 0
    assert after["extendbot_orders_total{answer=accepted}"] == 1
    assert after["extendbot_tasks_ended_total{billed=yes,outcome=delivered}"] == 1
    assert after["extendbot_delivery_seconds_count{}"] == 1
    assert after["extendbot_foxapi_request_seconds_count{call=submit,status=200}"] == 1
    assert after["extendbot_foxapi_request_seconds_count{call=query,status=200}"] >= 1
    assert after["extendbot_discord_requests_total{call=edit,status=200}"] >= 2
    assert after["extendbot_discord_requests_total{call=edit,status=429}"] == 1
    assert after["extendbot_discord_requests_total{call=respond,status=200}"] == 1
    assert after["extendbot_media_seconds_count{work=probe}"] >= 1
    assert after["extendbot_media_cpu_seconds_total{}"] > 0
    assert after["extendbot_media_running{}"] == 0
    assert after["extendbot_database_bytes{}"] > 10_000
    assert after["extendbot_files_bytes{of=kept}"] > 1_000
    assert after["extendbot_disk_free_bytes{}"] > 0
    assert exact.rstrip().endswith("# EOF")
    names = {name.split("{")[0] for name in after}
    assert named_by_operators() <= names
    for told in (reply["id"], stage.ana.id, "a secret wish", stage.fox.key, stage.discord.world.token):
        assert str(told) not in page


def named_by_operators() -> set[str]:
    """Return every metric name in the dashboard and the alerts."""
    dashboard = json.loads((OPERATIONS / "grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rules = yaml.safe_load((OPERATIONS / "alerts.yml").read_text())
    asked += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert len(asked) > 20
    return {name for expression in asked for name in _NAME.findall(expression)}


async def test_ready_means_gateway_and_store(stage: Harness, log: pytest.LogCaptureFixture) -> None:
    """/healthz is 200 while all is well, else 503 with the failing part; /healthz/live stays 200."""
    well = {"live": True, "ready": True, "gateway": True, "store": True}
    async with stage.bot(HTTP_PORT="0") as bot:
        base = address(log.text)
        assert await asked(f"{base}/healthz") == (200, well)
        stage.discord.faults.add("GET", "^/gateway", Answer(503), times=None)
        lost = asyncio.create_task(bot.wait_for("disconnect", timeout=10))
        await asyncio.sleep(0)  # now it listens
        await stage.discord.gateway.drop()
        await lost
        assert await asked(f"{base}/healthz") == (503, {**well, "ready": False, "gateway": False})
        assert await asked(f"{base}/healthz/live") == (200, {"live": True})
        back = asyncio.create_task(bot.wait_for("shard_connect", timeout=30))
        await asyncio.sleep(0)
        stage.discord.faults.clear()
        await back
        assert await asked(f"{base}/healthz") == (200, well)


@pytest.mark.only_sqlite
async def test_a_store_that_takes_no_writes_is_not_ready(stage: Harness, log: pytest.LogCaptureFixture) -> None:
    """A database that rejects writes is detected without a member's request, with one log line."""
    stage.data.mkdir(exist_ok=True)
    async with stage.bot(HTTP_PORT="0"):
        base = address(log.text)
        # Not in this loop: the bot in it may be in the middle of a write, and would never end it.
        await asyncio.to_thread(stage.database.sql, f"CREATE TRIGGER full BEFORE INSERT ON notes {REFUSE}")
        status, said = await asked(f"{base}/healthz/ready")
        page = samples(await scraped(base))
    assert (status, said["store"], said["gateway"]) == (503, False, True)
    assert page["extendbot_ready{part=store}"] == 0
    assert "the store is not writable" in log.text


async def test_two_bots_in_one_process_count_apart(
    stage: Harness, log: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Metrics are not global: a second bot starts at zero."""
    async with stage.bot(HTTP_PORT="0"):
        first = address(log.text)
        async with stage.bot(HTTP_PORT="0", DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/other.db"):
            assert address(log.text) != first
            assert samples(await scraped(first)).keys()


async def test_the_healthcheck_of_a_process(stage: Harness) -> None:
    """`python -m bot.health` exits with 0 while a bot is ready, else with 1; only this machine can connect."""
    port = free_port()
    code, said = await healthcheck(port)
    assert (code, said.count("\n")) == (1, 1)
    async with stage.process(HTTP_PORT=str(port)) as process:
        await process.start()
        async with asyncio.timeout(20):
            while (await healthcheck(port))[0]:
                assert process.running
        assert not can_connect(own_address(), port)
        assert await process.stop() == 0
    assert (await healthcheck(port))[0] == 1
    assert (await healthcheck(None))[0] == 1


async def test_a_taken_port_is_one_sentence(stage: Harness) -> None:
    """A bot whose HTTP_PORT is taken does not start, and says which port it is and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with stage.process(HTTP_PORT=str(port)) as process:
            await process.start()
            assert await process.wait() == 1
    assert f"HTTP_PORT {port}" in stage.lines[-1]
    assert "choose another port" in stage.lines[-1]
    assert not any("Traceback" in line for line in stage.lines)


@pytest.mark.parametrize(
    ("names", "method", "path", "call"),
    [
        (http_tracing.FOXAPI, "POST", "/v1/videos/generations", "submit"),
        (http_tracing.FOXAPI, "GET", "/v1/tasks/task-unified-1-x", "query"),
        (http_tracing.FOXAPI, "GET", "/elsewhere/of/any/kind", "other"),
        (http_tracing.DISCORD, "PATCH", "/api/v10/webhooks/1/aW50/messages/@original", "edit"),
        (http_tracing.DISCORD, "PATCH", "/api/v10/channels/1/messages/2", "edit"),
        (http_tracing.DISCORD, "POST", "/api/v10/interactions/1/aW50/callback", "respond"),
        (http_tracing.DISCORD, "POST", "/api/v10/channels/1/messages", "post"),
        (http_tracing.DISCORD, "GET", "/api/v10/users/@me", "other"),
    ],
)
def test_calls_have_few_names(names: Any, method: str, path: str, call: str) -> None:
    """Paths with any ids and tokens map to a small fixed set of labels."""
    assert http_tracing.get_call_name(names, method, URL(f"https://example.org{path}")) == call


async def healthcheck(port: int | None) -> tuple[int | None, str]:
    """Run the command of Docker's HEALTHCHECK."""
    told = {"HTTP_PORT": str(port)} if port else {}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.health"),
        cwd=OPERATIONS.parent.parent,
        env={"PATH": os.environ["PATH"], **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await child.communicate()
    return child.returncode, out.decode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def own_address() -> str:
    """Return an address of this machine other than 127.0.0.1, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anywhere:
        try:
            anywhere.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.2"
        host: str = anywhere.getsockname()[0]
        return host


def can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True
