"""Whatever FoxAPI says, nobody reads the bot's key: not the member, not the database, the log, the figures or check."""

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


def spellings(key: str) -> Iterator[str]:
    """The ways in which an answer may repeat a key."""
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


def traces_of(key: str) -> set[str]:
    """What would give a key away: eight of its letters in a row, in any spelling."""
    bare = ["".join(filter(str.isalnum, form)).lower() for form in (key, quote(key, safe=""), key.encode().hex())]
    bare += [
        "".join(filter(str.isalnum, base64.b64encode(("a" * n + key).encode()).decode())).lower() for n in range(3)
    ]
    return {form[at : at + 8] for form in bare for at in range(4, len(form) - 12)}


def gives_away(text: str, key: str) -> list[str]:
    """The traces of the key that are in the text."""
    bare = "".join(filter(str.isalnum, text)).lower()
    return [trace for trace in traces_of(key) if trace in bare]


@pytest.mark.parametrize("spelled", list(spellings(KEY)))
@pytest.mark.parametrize("around", ["{}", "bad key “{}”, sorry", "Authorization: {}", '{{"error":"{}"}}'])
def test_a_key_is_known_however_it_is_spelled(spelled: str, around: str) -> None:
    """Whole, cut, divided, in capitals, escaped, in hexadecimal and base64; the words around it stay."""
    told = Redactor([KEY])(around.format(spelled))
    assert gives_away(told, KEY) == []
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
def test_what_is_made_like_a_key_is_hidden_too(text: str, left: str) -> None:
    """Another's key, and one whose middle is left out."""
    assert Redactor()(text) == left


@given(st.text(alphabet="sk-. /:?@aWbearrBE*…0", max_size=60), st.text(max_size=20))
def test_nothing_else_is_lost(text: str, other: str) -> None:
    """What holds no secret, link or token stays as it is, and twice is as good as once."""
    discretion = Redactor([KEY, "a-short-one"])
    assert discretion(discretion(text)) == discretion(text)
    if not re.search(r"sk-|bearer|://|[/]", other, re.IGNORECASE):
        assert discretion(other) == other


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
def test_a_line_of_a_megabyte_is_read_to_its_end(piece: str) -> None:
    """Nothing that a stranger repeats a million times keeps the secret behind it from being found."""
    told = Redactor([KEY])(piece * (1_000_000 // len(piece)) + f" key {KEY}")
    assert gives_away(told[-200:], KEY) == []


def test_passwords_in_addresses() -> None:
    """As they are written and as they are meant; an address that is none has none."""
    assert extract_passwords("postgresql://bot:p%40ss@db/bot") == ["p%40ss", "p@ss"]
    assert extract_passwords("sqlite:///data/bot.db") == []
    assert extract_passwords("x://[") == []
    hidden = Redactor(extract_passwords("postgresql://bot:p%40ss@db/bot"))
    assert hidden.hide("p@ss and p%40ss") == f"{HIDDEN} and {HIDDEN}"


@pytest.mark.parametrize("spelled", list(spellings(KEY)))
def test_no_error_of_foxapi_has_the_key(spelled: str) -> None:
    """In the message, the code, the request's id and a body that is not JSON; cut to its length only afterwards."""
    discretion = Redactor([KEY])
    for padding in ("", "x" * 270, "y " * 140):
        error = {"code": spelled, "message": f"{padding}bad key {spelled} for {SIGNED}"}
        for body in (json.dumps({"error": error}), json.dumps({"error": error["message"]}), f"{padding}{spelled}"):
            with pytest.raises(Rejected) as caught:
                parse_response(418, {"x-request-id": spelled}, body.encode(), discretion)
            told = f"{caught.value} {caught.value.code} {caught.value.message}"
            assert gives_away(told, KEY) == []
            assert "SIGNATURE" not in told
        failed = parse_task({"status": "failed", "error": error}, discretion)
        assert gives_away(f"{failed.message} {failed.code}", KEY) == []


@pytest.mark.only_sqlite
@pytest.mark.timeout(180)
async def test_the_key_is_nowhere(stage: Harness) -> None:
    """FoxAPI repeats it in refusals and failures of each call: messages, rows, log, figures and check have no trace."""
    key, port = stage.fox.key, free_port()
    stage.fox.faults.add("GET", "/v1/models", Answer(400, repeating(key)))
    async with bot_process(stage, HTTP_PORT=str(port), LOG_LEVEL="DEBUG") as log:
        await meet_refusals(stage, key)
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as got:
            figures = await got.text()
        kept = b"".join(file.read_bytes() for file in files_of(stage))
    models = json.dumps({"data": [{"id": key}]})
    for answer, form in ((Answer(400, repeating(key)), []), (Answer(200, models), ["--json"])):
        stage.fox.faults.add("GET", "/v1/models|/api/usage", answer, times=2)
        ran = await run(stage, stage.environment(), "check", *form)
        assert gives_away(ran.out + ran.err, key) == []
    said = log.read_text()
    assert "FoxAPI refused it: 400" in said
    assert "extendbot_" in figures
    assert "bad key" in kept.decode(errors="replace")
    seen = json.dumps(stage.ana.events, ensure_ascii=False)
    assert "bad key" in seen
    for text in (seen, said, figures, kept.decode("utf-8", "replace")):
        assert gives_away(text, key) == []
        assert "SIGNATURE" not in text


async def meet_refusals(stage: Harness, key: str) -> None:
    """Be refused at the upload, the paid request and the query, and have a task fail, by answers with the key."""
    clip, faults = tiny(stage.clips), stage.fox.faults
    headers = {"x-request-id": key}
    for spelled in (key, f"Bearer {key}", " ".join(key), base64.b64encode(f"Bearer {key}".encode()).decode()):
        faults.add("POST", CREATE, Answer(400, repeating(spelled), headers))
        await stage.until(stage.ana, await stage.extend(stage.ana, clip, seconds=2), FAILED)
    faults.add("POST", UPLOAD, Answer(400, repeating(key), headers))
    await stage.until(stage.ana, await stage.extend(stage.ana, unfit(stage.clips), seconds=2), FAILED)
    faults.add("POST", CREATE, Answer(429, repeating(key), headers))
    faults.add("GET", QUERY, Answer(500, f"bad key {key}", headers, content_type="text/plain"))
    stage.fox.next_quirks = Quirks(failure=Failure("brand_new", f"bad key {key} for {SIGNED}"))
    ended = await stage.until(stage.ana, await stage.extend(stage.ana, clip, seconds=2), FAILED)
    assert "bad key [secret]" in text_of(ended)
    assert "https://cdn.example.org/…" in text_of(ended)
    stage.fox.next_quirks = Quirks(failure=Failure(key, ""))
    await stage.until(stage.ana, await stage.extend(stage.ana, clip, seconds=2), FAILED)


def repeating(spelled: str) -> str:
    return json.dumps({"error": {"code": spelled, "type": spelled, "message": f"bad key {spelled} for {SIGNED}"}})


def files_of(stage: Harness) -> list[Path]:
    """The database's own."""
    return sorted(stage.data.glob("bot.db*"))
