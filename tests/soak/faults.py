"""The faults of a soak: what each stand-in does wrong now and then, and where the bot is ended in the middle."""

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
    """A kind of fault: `weight` is how often it is drawn, `make` draws its details."""

    name: str
    weight: int
    fox: bool
    method: str
    path: str
    make: Callable[[random.Random], Action]


def _fox_error(status: int, message: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps({"error": {"message": message, "type": "api_error"}}), named)


def _ill_fox(chance: random.Random) -> Action:
    html = Answer(502, "<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
    slow = Slow(chance.uniform(0.2, 2.0))
    ill: list[Action] = [_fox_error(500, "upstream error"), _fox_error(503, "no channel"), html, slow, Reset()]
    return chance.choice(ill)


def _busy_fox(_: random.Random) -> Action:
    return _fox_error(429, "rate limit exceeded", Retry_After="1")


def _lost_answer(chance: random.Random) -> Action:
    lost: list[Action] = [Lose(), Truncate(), Answer(200, "{"), Slow(chance.uniform(0.5, 3.0))]
    return chance.choice(lost)


def _refusing_fox(chance: random.Random) -> Action:
    return chance.choice([_fox_error(402, "insufficient balance"), _fox_error(422, "no channel for this model")])


def _broken_file(chance: random.Random) -> Action:
    broken: list[Action] = [Answer(500), Answer(503), Reset(), Truncate(), Slow(chance.uniform(0.2, 2.0))]
    return chance.choice(broken)


def _ill_discord(chance: random.Random) -> Action:
    error = Answer(chance.choice([500, 502, 503]), '{"message": "500: Internal Server Error", "code": 0}')
    body = json.dumps({"message": "You are being rate limited.", "retry_after": 1.0, "global": False})
    busy = Answer(429, body, {"Retry-After": "1", "Via": "1.1 google", "X-RateLimit-Scope": "shared"})
    ill: list[Action] = [error, error, busy, Reset(), Lose(), Truncate(), Slow(chance.uniform(0.2, 2.0))]
    return chance.choice(ill)


FAULTS = (
    Fault("submit ill", 3, True, "POST", CREATE, _ill_fox),
    Fault("submit busy", 4, True, "POST", CREATE, _busy_fox),
    Fault("submit lost", 3, True, "POST", CREATE, _lost_answer),
    Fault("submit refused", 1, True, "POST", CREATE, _refusing_fox),
    Fault("upload ill", 3, True, "POST", UPLOAD, _ill_fox),
    Fault("upload lost", 3, True, "POST", UPLOAD, _lost_answer),
    Fault("query ill", 6, True, "GET", QUERY, _ill_fox),
    Fault("query busy", 2, True, "GET", QUERY, _busy_fox),
    Fault("query unknown", 3, True, "GET", QUERY, lambda _: _fox_error(404, "task not found")),
    Fault("query lost", 3, True, "GET", QUERY, _lost_answer),
    Fault("result broken", 9, True, "GET", RESULT, _broken_file),
    Fault("edit ill", 12, False, "PATCH", EDIT, _ill_discord),
    Fault("callback ill", 4, False, "POST", CALLBACK, _ill_discord),
    Fault("clip broken", 6, False, "GET", CLIP, _broken_file),
    Fault("start ill", 1, False, "GET", START, _ill_discord),
)
HELD = (
    (True, "POST", CREATE),
    (True, "POST", UPLOAD),
    (True, "GET", QUERY),
    (True, "GET", RESULT),
    (False, "PATCH", EDIT),
    (False, "POST", CALLBACK),
)
"""Calls in whose middle, or right after which, the bot is ended."""
