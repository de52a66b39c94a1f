"""The faults of a soak test: what each fake does wrong, and the calls during which the bot is ended."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.faults import Action, Answer, Lose, Reset, Slow, Truncate
from tests.support.harness import CREATE

QUERY, RESULT, UPLOAD = r"^/v1/tasks/", r"^/results/", r"^/v1/files/upload/stream$"
EDIT, CALLBACK, CLIP = r"^/api/v10/webhooks/[^/]+/[^/]+/messages/", r"^/api/v10/interactions/.*/callback$", r"^/cdn/"
START = r"^/api/v10/(users/@me|gateway/bot|oauth2/applications/@me)$"


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault: `weight` is its relative frequency, `make` draws its details."""

    name: str
    weight: int
    fox: bool
    method: str
    path: str
    make: Callable[[random.Random], Action]


def _fox_error(status: int, message: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps({"error": {"message": message, "type": "api_error"}}), named)


def _failing_fox(rng: random.Random) -> Action:
    html = Answer(502, "<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
    slow = Slow(rng.uniform(0.2, 2.0))
    failures: list[Action] = [_fox_error(500, "upstream error"), _fox_error(503, "no channel"), html, slow, Reset()]
    return rng.choice(failures)


def _busy_fox(_: random.Random) -> Action:
    return _fox_error(429, "rate limit exceeded", Retry_After="1")


def _lost_response(rng: random.Random) -> Action:
    lost: list[Action] = [Lose(), Truncate(), Answer(200, "{"), Slow(rng.uniform(0.5, 3.0))]
    return rng.choice(lost)


def _refusing_fox(rng: random.Random) -> Action:
    return rng.choice([_fox_error(402, "insufficient balance"), _fox_error(422, "no channel for this model")])


def _broken_file(rng: random.Random) -> Action:
    broken: list[Action] = [Answer(500), Answer(503), Reset(), Truncate(), Slow(rng.uniform(0.2, 2.0))]
    return rng.choice(broken)


def _failing_discord(rng: random.Random) -> Action:
    error = Answer(rng.choice([500, 502, 503]), '{"message": "500: Internal Server Error", "code": 0}')
    body = json.dumps({"message": "You are being rate limited.", "retry_after": 1.0, "global": False})
    busy = Answer(429, body, {"Retry-After": "1", "Via": "1.1 google", "X-RateLimit-Scope": "shared"})
    failures: list[Action] = [error, error, busy, Reset(), Lose(), Truncate(), Slow(rng.uniform(0.2, 2.0))]
    return rng.choice(failures)


FAULTS = (
    Fault("submit failing", 3, True, "POST", CREATE, _failing_fox),
    Fault("submit busy", 4, True, "POST", CREATE, _busy_fox),
    Fault("submit lost", 3, True, "POST", CREATE, _lost_response),
    Fault("submit refused", 1, True, "POST", CREATE, _refusing_fox),
    Fault("upload failing", 3, True, "POST", UPLOAD, _failing_fox),
    Fault("upload lost", 3, True, "POST", UPLOAD, _lost_response),
    Fault("query failing", 6, True, "GET", QUERY, _failing_fox),
    Fault("query busy", 2, True, "GET", QUERY, _busy_fox),
    Fault("query unknown", 3, True, "GET", QUERY, lambda _: _fox_error(404, "task not found")),
    Fault("query lost", 3, True, "GET", QUERY, _lost_response),
    Fault("result broken", 9, True, "GET", RESULT, _broken_file),
    Fault("edit failing", 12, False, "PATCH", EDIT, _failing_discord),
    Fault("callback failing", 4, False, "POST", CALLBACK, _failing_discord),
    Fault("clip broken", 6, False, "GET", CLIP, _broken_file),
    Fault("start failing", 1, False, "GET", START, _failing_discord),
)
HELD = (
    (True, "POST", CREATE),
    (True, "POST", UPLOAD),
    (True, "GET", QUERY),
    (True, "GET", RESULT),
    (False, "PATCH", EDIT),
    (False, "POST", CALLBACK),
)
"""Calls during which, or right after which, the bot is ended."""
