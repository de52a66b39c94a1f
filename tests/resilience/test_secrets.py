"""The FoxAPI key is never in messages, the database, the log, the metrics or `check`, even if FoxAPI repeats it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.redaction import HIDDEN, Redactor, extract_passwords
from bot.foxapi import Rejected, parse_response
from bot.foxapi.protocol import parse_task
from bot.sandbox.faults import Answer
from bot.sandbox.foxapi.quirks import Failure, Quirks
from tests.bot.check.test_check import run
from tests.bot.health.test_health import free_port
from tests.bot.test_logs import bot_process
from tests.support.fast_timeouts import FAILED, QUERY, UPLOAD, tiny, unfit
from tests.support.harness import CREATE, Harness, text_of

KEY = "sk-Zq7/Vx+2mN4pR8t_Lw0bYc6HdKfJ1gAe"
SIGNED = "https://cdn.example.org/a/film.mp4?ex=6a&hm=SIGNATURE-of-a-link"


def key_forms(key: str) -> Iterator[str]:
    """Yield the forms in which a response may repeat a key."""
    sent = f"Bearer {key}"
    yield from (key, sent, key.upper(), quote(key, safe=""), key.encode().hex())
    yield from (base64.b64encode((pad + key).encode()).decode() for pad in ("", "a", "ab", "Bearer ", "key="))
    yield base64.urlsafe_b64encode(sent.encode()).decode()
    yield key[:-6]
    yield key[6:]
    yield f"{key[:14]} {key[14:]}"
    yield "\n".join(key[at : at + 5] for at in range(0, len(key), 5))
    yield "\u200b".join(key)
    yield " ".join(key)


def key_fragments(key: str) -> set[str]:
    """Return every eight consecutive letters of the key, in each encoding."""
    bare = ["".join(filter(str.isalnum, form)).lower() for form in (key, quote(key, safe=""), key.encode().hex())]
    bare += [
        "".join(filter(str.isalnum, base64.b64encode(("a" * n + key).encode()).decode())).lower() for n in range(3)
    ]
    return {form[at : at + 8] for form in bare for at in range(4, len(form) - 12)}


def find_fragments(text: str, key: str) -> list[str]:
    """Return the fragments of the key that the text contains."""
    bare = "".join(filter(str.isalnum, text)).lower()
    return [trace for trace in key_fragments(key) if trace in bare]


@pytest.mark.parametrize("spelled", list(key_forms(KEY)))
@pytest.mark.parametrize("around", ["{}", "bad key “{}”, sorry", "Authorization: {}", '{{"error":"{}"}}'])
def test_a_key_is_redacted_in_every_form(spelled: str, around: str) -> None:
    """A key is redacted whole, cut, split, in upper case, escaped, in hex and in base64; the text around it stays."""
    told = Redactor([KEY])(around.format(spelled))
    assert find_fragments(told, KEY) == []
    assert HIDDEN in told
    assert "sorry" in told or "sorry" not in around


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("bad sk-Abc…wxyz", "bad [secret]"),
        ("bad key sk-****9f2a.", "bad key [secret]"),
        ("bad sk-proj-abcdefgh12 here", "bad [secret] here"),
        ("Incorrect key: sk-ab..yz", "Incorrect key: [secret]"),
        ("header Bearer abcdef123456, no", "header Bearer [secret], no"),
        ("a risk-free sk-8 board; the bearer of it", "a risk-free sk-8 board; the bearer of it"),
    ],
)
def test_other_keys_are_redacted_too(text: str, left: str) -> None:
    """Other keys, and keys with an elided middle, are redacted too."""
    assert Redactor()(text) == left


@given(st.text(alphabet="sk-. /:?@aWbearrBE*…0", max_size=60), st.text(max_size=20))
def test_nothing_else_is_redacted(text: str, other: str) -> None:
    """Text without a secret, link or token is unchanged, and redaction is idempotent."""
    redact = Redactor([KEY, "a-short-one"])
    assert redact(redact(text)) == redact(text)
    if not re.search(r"sk-|bearer|://|[/]", other, re.IGNORECASE):
        assert redact(other) == other


LONG_LINES = [
    "a.",
    "a",
    "://",
    "x://a:",
    "@",
    "/webhooks/1",
    "/webhooks/1/",
    "sk-",
    "bearer ",
    "“",
    " ",
    "aW50ZXJhY3Rpb246",
]


@pytest.mark.parametrize("piece", LONG_LINES)
def test_a_line_of_a_megabyte_is_redacted_to_its_end(piece: str) -> None:
    """A secret after a megabyte of repeated input is still redacted."""
    told = Redactor([KEY])(piece * (1_000_000 // len(piece)) + f" key {KEY}")
    assert find_fragments(told[-200:], KEY) == []


def test_passwords_in_urls() -> None:
    """A URL's password is found escaped and unescaped; an invalid URL has none."""
    assert extract_passwords("postgresql://bot:p%40ss@db/bot") == ["p%40ss", "p@ss"]
    assert extract_passwords("sqlite:///data/bot.db") == []
    assert extract_passwords("x://[") == []
    hidden = Redactor(extract_passwords("postgresql://bot:p%40ss@db/bot"))
    assert hidden.hide("p@ss and p%40ss") == f"{HIDDEN} and {HIDDEN}"


@pytest.mark.parametrize("spelled", list(key_forms(KEY)))
def test_no_error_of_foxapi_has_the_key(spelled: str) -> None:
    """The key is redacted in the message, code, request id and non-JSON body, before the text is truncated."""
    redact = Redactor([KEY])
    for padding in ("", "x" * 270, "y " * 140):
        error = {"code": spelled, "message": f"{padding}bad key {spelled} for {SIGNED}"}
        for body in (json.dumps({"error": error}), json.dumps({"error": error["message"]}), f"{padding}{spelled}"):
            with pytest.raises(Rejected) as caught:
                parse_response(418, {"x-request-id": spelled}, body.encode(), redact)
            told = f"{caught.value} {caught.value.code} {caught.value.message}"
            assert find_fragments(told, KEY) == []
            assert "SIGNATURE" not in told
        failed = parse_task({"status": "failed", "error": error}, redact)
        assert find_fragments(f"{failed.message} {failed.code}", KEY) == []


@pytest.mark.only_sqlite
@pytest.mark.timeout(180)
async def test_the_key_appears_nowhere(stage: Harness) -> None:
    """If FoxAPI repeats the key in errors of every call, messages, rows, log, metrics and `check` do not contain it."""
    key, port = stage.fox.key, free_port()
    stage.fox.faults.add("GET", "/v1/models", Answer(400, error_body(key)))
    async with bot_process(stage, HTTP_PORT=str(port), LOG_LEVEL="DEBUG") as log:
        await provoke_errors(stage, key)
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as got:
            metrics = await got.text()
        kept = b"".join(file.read_bytes() for file in list_database_files(stage))
    models = json.dumps({"data": [{"id": key}]})
    for answer, form in ((Answer(400, error_body(key)), []), (Answer(200, models), ["--json"])):
        stage.fox.faults.add("GET", "/v1/models|/api/usage", answer, times=2)
        ran = await run(stage, stage.environment(), "check", *form)
        assert find_fragments(ran.out + ran.err, key) == []
    said = log.read_text()
    assert "FoxAPI refused it: 400" in said
    assert "extendbot_" in metrics
    assert "bad key" in kept.decode(errors="replace")
    seen = json.dumps(stage.ana.events, ensure_ascii=False)
    assert "bad key" in seen
    for text in (seen, said, metrics, kept.decode("utf-8", "replace")):
        assert find_fragments(text, key) == []
        assert "SIGNATURE" not in text


async def provoke_errors(stage: Harness, key: str) -> None:
    """Provoke errors that contain the key at the upload, the paid request, the query and a failed task."""
    clip, faults = tiny(stage.clips), stage.fox.faults
    headers = {"x-request-id": key}
    for spelled in (key, f"Bearer {key}", " ".join(key), base64.b64encode(f"Bearer {key}".encode()).decode()):
        faults.add("POST", CREATE, Answer(400, error_body(spelled), headers))
        await stage.until(stage.ana, await stage.extend(stage.ana, clip, seconds=2), FAILED)
    faults.add("POST", UPLOAD, Answer(400, error_body(key), headers))
    await stage.until(stage.ana, await stage.extend(stage.ana, unfit(stage.clips), seconds=2), FAILED)
    faults.add("POST", CREATE, Answer(429, error_body(key), headers))
    faults.add("GET", QUERY, Answer(500, f"bad key {key}", headers, content_type="text/plain"))
    stage.fox.next_quirks = Quirks(failure=Failure("brand_new", f"bad key {key} for {SIGNED}"))
    ended = await stage.until(stage.ana, await stage.extend(stage.ana, clip, seconds=2), FAILED)
    assert "bad key [secret]" in text_of(ended)
    assert "https://cdn.example.org/…" in text_of(ended)
    stage.fox.next_quirks = Quirks(failure=Failure(key, ""))
    await stage.until(stage.ana, await stage.extend(stage.ana, clip, seconds=2), FAILED)


def error_body(spelled: str) -> str:
    return json.dumps({"error": {"code": spelled, "type": spelled, "message": f"bad key {spelled} for {SIGNED}"}})


def list_database_files(stage: Harness) -> list[Path]:
    """Return the database's files."""
    return sorted(stage.data.glob("bot.db*"))
