"""The log: one line per event with the task's id, without secrets, prompts and links."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest

from bot.domain.redaction import Redactor
from bot.logs import JsonFormatter, TextFormatter
from bot.sandbox.faults import Answer, Reset
from bot.sandbox.foxapi.quirks import Failure, Quirks
from tests.support.buttons import filled, told_privately
from tests.support.fast_timeouts import EDIT, QUERY, RESULT, tiny
from tests.support.harness import CREATE, Harness, labels_of, text_of

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "MARKED-prompt a fox\nERROR bot.forged task 1 is free"
SIGNED = "https://cdn.example.org/a/MARKED-path.mp4?hm=MARKED-signature"
QUOTING = json.dumps({"error": {"code": "MARKED code", "type": "x", "message": f"bad: {PROMPT} at {SIGNED}"}})
RATE = Answer(
    429, '{"message": "slow", "retry_after": 0.1, "global": false}', {"Via": "1.1 google", "Retry-After": "0"}
)


def written(
    form: type[TextFormatter] | type[JsonFormatter], *secrets: str, message: str, error: BaseException | None
) -> str:
    """Return the log output of one event."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(form(Redactor(secrets)))
    fault = (type(error), error, error.__traceback__) if error else None
    handler.handle(logging.LogRecord("bot.test", logging.ERROR, "", 0, "%s", (message,), fault))
    return stream.getvalue()


@pytest.mark.parametrize("form", [TextFormatter, JsonFormatter])
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the token MARKED-token is here", "the token [secret] is here"),
        (f"404, url='{SIGNED}'", "404, url='https://cdn.example.org/…'"),
        ("see https://bob:MARKED@example.org and go on", "see https://example.org and go on"),
        ("at http://127.0.0.1:8081", "at http://127.0.0.1:8081"),
        ("postgresql+asyncpg://bot:MARKED@db:5432/bot", "postgresql+asyncpg://db:5432/…"),
        ("PATCH /webhooks/12/MARKED.x-y_z/messages/3 429", "PATCH /webhooks/12/[token]/messages/3 429"),
        ("POST /interactions/12/MARKED/callback", "POST /interactions/12/[token]/callback"),
        ("with aW50ZXJhY3Rpb246MTIzMARKED==.", "with [token]."),
        ("task 7 failed", "task 7 failed"),
    ],
)
def test_what_no_log_may_hold_is_taken_out(
    form: type[TextFormatter] | type[JsonFormatter], text: str, left: str
) -> None:
    """Secrets, tokens and links are removed from messages and from exceptions; everything else stays."""
    told = written(form, "MARKED-token", message=text, error=aiohttp.ClientError(text))
    assert "MARKED" not in told
    assert told.count(left) == 2


def test_a_message_is_one_line() -> None:
    """Line breaks in a message do not create a second event."""
    assert written(TextFormatter, message="a\nERROR b\r\nc", error=None).count("\n") == 1
    told = written(JsonFormatter, message="task 12: a\nERROR b", error=None)
    assert told.count("\n") == 1
    event = json.loads(told)
    assert (event["task"], event["level"], event["logger"]) == (12, "ERROR", "bot.test")
    assert event["time"].endswith("+00:00")
    assert "error" not in event


@pytest.mark.only_sqlite
async def test_no_secret_is_in_the_log_of_a_real_process(stage: Harness) -> None:
    """At INFO stderr never contains a prompt, link, token or key, and each event is logged.

    As JSON; what the readable form takes out is the same (above).
    """
    async with bot_process(stage, LOG_FORMAT="json", LOG_LEVEL="INFO") as log:
        await play(stage, log)
    said = log.read_text()
    events = read_json(said)
    for beginning in EXPECTED:
        assert any(beginning in str(event) for event in events), beginning
    assert "Traceback" in said
    for secret in secrets_of(stage):
        assert secret not in said, said[max(0, said.index(secret) - 300) :][:500]


EXPECTED = [
    "connected to Discord",
    "task 1 queued",
    "task 1 preparing",
    "task 1 delivered",
    "FoxAPI refused it: 400",
    "FoxAPI failed it",
    "the answer to the paid request was lost",
    "next try",
    "FoxAPI paused for",
    "result not downloaded yet",
    "progress not shown: 403",
    "a request of member",
    "task 7 cancelled",
    "not prepared yet",
    "an interaction went wrong",
    "a step of preparing went wrong",
    "stopping",
]
"""A log line of each path below, which proves that the path was taken."""


async def play(stage: Harness, log: Path) -> None:
    """Take every path that could log something private."""
    clip, ana, fox, discord = tiny(stage.clips), stage.ana, stage.fox, stage.discord
    channel = await ana.channel("videos")
    discord.faults.add("PATCH", EDIT, RATE)
    discord.faults.add("PATCH", EDIT, Answer(403, json.dumps({"code": 50013, "message": SIGNED})))
    discord.faults.add("PATCH", EDIT, Reset())
    fox.faults.add("GET", QUERY, Answer(500, QUOTING))
    fox.faults.add("GET", QUERY, Reset())
    fox.faults.add("GET", RESULT, Answer(503, QUOTING))
    first = await stage.extend(ana, clip, PROMPT, seconds=2)
    done = await stage.recorded(await stage.until(ana, first, "Finished"))
    fox.faults.add("POST", CREATE, Answer(429, QUOTING))
    fox.faults.add("POST", CREATE, Answer(400, QUOTING))
    await filled(ana, await ana.press(done, "New take"), prompt=PROMPT)
    await ana.wait_message(lambda it: "FoxAPI refused the request (400)" in text_of(it))
    fox.next_quirks = Quirks(failure=Failure("brand_new", f"{PROMPT}” of {SIGNED}"))
    await stage.until(ana, await stage.extend(ana, clip, PROMPT, seconds=2), "Failed")
    fox.faults.add("POST", CREATE, Answer(500, QUOTING))
    await stage.until(ana, await stage.extend(ana, clip, PROMPT, seconds=2), "Outcome unknown")
    await ana.command("extend", channel, prompt=PROMPT, link="http://127.0.0.1:9/MARKED-path?sig=MARKED-signature")
    await ana.wait_message(lambda it: "private network" in text_of(it))
    discord.faults.add("GET", "/cdn/", Answer(503, SIGNED))
    await stage.until(ana, await stage.extend(ana, clip, PROMPT, seconds=2), "Finished")
    with closing(sqlite3.connect(stage.data / "bot.db", isolation_level=None)) as other:
        other.execute("CREATE TRIGGER w BEFORE INSERT ON wishes BEGIN SELECT RAISE(FAIL, 'no'); END")
        other.execute("CREATE TRIGGER n BEFORE INSERT ON tasks BEGIN SELECT RAISE(FAIL, 'no'); END")
    await ana.command("notify", channel, mode="always")
    await told_privately(ana, "went wrong")
    known = set(ana.seen)
    await ana.command("extend", channel, prompt=PROMPT, video=await ana.upload(clip), seconds=2)
    await ana.wait_message(lambda it: it["id"] not in known and it["ephemeral"] and not it["loading"])
    with closing(sqlite3.connect(stage.data / "bot.db", isolation_level=None)) as other:
        other.execute("DROP TRIGGER n")
        other.execute("CREATE TRIGGER c BEFORE UPDATE OF clip ON tasks BEGIN SELECT RAISE(FAIL, 'no'); END")
    stuck = await stage.extend(ana, clip, PROMPT, seconds=2)
    async with asyncio.timeout(20):
        while "a step of preparing" not in log.read_text():
            await asyncio.sleep(0.05)  # a file has no event to wait for
    await ana.press(await ana.wait_message(lambda it: it["id"] == stuck["id"] and "Cancel" in labels_of(it)), "Cancel")
    await stage.until(ana, stuck, "Cancelled")


def secrets_of(stage: Harness) -> set[str]:
    """Return everything in this scenario that must not be logged."""
    calls = stage.discord.faults.calls + stage.fox.faults.calls
    paths = "\n".join(f"{call.path}?{call.query}" for call in calls)
    tokens = re.findall(r"/(?:webhooks|interactions)/\d+/([^/?\s]+)", paths)
    links = re.findall(r"/(?:results|cdn)/([^?\s]+)\?", paths)
    signatures = re.findall(r"\b(?:hm|sig)=([^&\s]+)", paths)
    assert len(set(tokens)) > 5
    assert links
    return {"MARKED", stage.fox.key, stage.discord.world.token, *tokens, *links, *signatures}


def read_json(said: str) -> list[dict[str, object]]:
    """Return the events; each is one line of JSON, and task events have the task id."""
    events: list[dict[str, object]] = [json.loads(line) for line in said.splitlines()]
    of_tasks = [event for event in events if str(event["message"]).startswith("task ")]
    assert of_tasks
    assert all(isinstance(event["task"], int) for event in of_tasks)
    return events


@asynccontextmanager
async def bot_process(stage: Harness, **changes: str) -> AsyncIterator[Path]:
    """Run a real bot whose stderr goes to the yielded file; SIGTERM stops it at the end."""
    stage.data.mkdir(exist_ok=True)
    log = stage.folder / "stderr"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **stage.environment(**changes)}
    with log.open("wb") as stderr:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", cwd=stage.folder, env=env, stdin=asyncio.subprocess.DEVNULL, stderr=stderr
        )
        try:
            await stage.ana.wait_event("bot", lambda it: it["online"])
            yield log
        finally:
            child.terminate()
            async with asyncio.timeout(12):
                assert await child.wait() == 0
