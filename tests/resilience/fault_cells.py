"""The faults of the fault matrix, with the end, the payments and the paid requests that each must lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.faults import Action, Answer, Lose, Reset, Slow, Truncate
from tests.support.fast_timeouts import DONE, FAILED, UNCLEAR, UPLOAD

ERROR = '{"error": {"message": "it broke", "type": "server_error"}}'
PAGE = "<!doctype html><html><body>Bad gateway</body></html>"
RATE = {"Via": "1.1 google", "Retry-After": "0.1"}
RATE_BODY = '{"message": "You are being rate limited.", "retry_after": 0.1, "global": false}'


def json(status: int, body: str = ERROR) -> Answer:
    return Answer(status, body)


def html(status: int) -> Answer:
    return Answer(status, PAGE, content_type="text/html")


def text(status: int, body: str = "error code: 1010") -> Answer:
    return Answer(status, body, content_type="text/plain")


def empty(status: int) -> Answer:
    return Answer(status)


@dataclass(frozen=True)
class Cell:
    """The next `times` calls meet `fault`; the reply ends with `end` after that many POSTs and payments."""

    fault: Action
    end: str
    paid: int
    posts: int = 1
    times: int = 1


SENT_AGAIN = [
    Cell(json(429), DONE, paid=1, posts=4, times=3),
    Cell(html(429), DONE, paid=1, posts=2),
    Cell(Slow(0.3), DONE, paid=1),
]
REFUSED = [
    Cell(json(400), FAILED, paid=0),
    Cell(json(401), FAILED, paid=0),
    Cell(json(402), FAILED, paid=0),
    Cell(text(403), FAILED, paid=0),
    Cell(json(404), FAILED, paid=0),
    Cell(html(413), FAILED, paid=0),
    Cell(json(422), FAILED, paid=0),
    Cell(Answer(307, headers={"Location": "/v1/videos/generations"}), FAILED, paid=0),
]
SERVER_ERRORS = [
    Cell(json(500), UNCLEAR, paid=0),
    Cell(html(502), UNCLEAR, paid=0),
    Cell(empty(503), UNCLEAR, paid=0),
    Cell(html(504), UNCLEAR, paid=0),
    Cell(Answer(502, PAGE, after=True), UNCLEAR, paid=1),
]
UNREADABLE = [
    Cell(html(200), UNCLEAR, paid=0),
    Cell(empty(200), UNCLEAR, paid=0),
    Cell(json(200, '{"status": "pending"}'), UNCLEAR, paid=0),
    Cell(json(200, '{"id": null}'), UNCLEAR, paid=0),
    Cell(json(200, "[]"), UNCLEAR, paid=0),
]
BROKEN = [
    Cell(Reset(), UNCLEAR, paid=0),
    Cell(Lose(), UNCLEAR, paid=1),
    Cell(Truncate(), UNCLEAR, paid=1),
    Cell(Slow(2.5), UNCLEAR, paid=1),
]
AT_CREATE = {
    "resent": SENT_AGAIN,
    "refused": REFUSED,
    "server errors": SERVER_ERRORS,
    "unreadable": UNREADABLE,
    "broken connections": BROKEN,
}

Faults = Sequence[tuple[Action, int]]
"""The faults that one task's calls meet, in order, and how often each occurs."""

AT_QUERY: dict[str, Faults] = {
    "server errors": [(json(429), 3), (json(500), 3), (html(502), 3), (empty(503), 3), (html(504), 3)],
    "refusals": [(json(401), 3), (json(402), 3), (text(403), 3), (json(404), 3), (json(422), 3)],
    "long unknown": [(json(404), 9)],
    "unreadable": [
        (html(200), 3),
        (empty(200), 1),
        (json(200, "{}"), 1),
        (json(200, '{"status": "dreaming", "progress": 20}'), 3),
        (json(200, '{"status": "completed", "results": [{"url": null}]}'), 3),
        (json(200, '{"status": "processing", "progress": "many"}'), 1),
    ],
    "broken connections": [(Reset(), 3), (Lose(), 1), (Truncate(), 1), (Slow(1.4), 2)],
}

AT_DOWNLOAD: dict[str, Faults] = {
    "errors": [(json(429), 1), (json(500), 1), (html(503), 2), (text(403), 1), (json(404), 1)],
    "not a video": [(html(200), 1), (text(200, "not a video"), 1)],
    "broken connections": [(empty(200), 1), (Reset(), 2), (Truncate(), 2), (Slow(1.4), 1)],
}

AT_UPLOAD: dict[str, Faults] = {
    "server errors": [(json(429), 2), (json(500), 1), (html(502), 1), (empty(503), 1), (html(504), 1)],
    "unreadable": [
        (html(200), 1),
        (empty(200), 1),
        (json(200, "{}"), 1),
        (json(200, '{"url": null}'), 1),
        (json(200, '{"url": "/files/clip.mp4"}'), 1),
    ],
    "broken connections": [(Reset(), 2), (Lose(), 1), (Truncate(), 1), (Slow(0.2), 1)],
    "no answer in time": [(Slow(1.5), 2)],
}
UPLOAD_REFUSED: list[tuple[Action, str]] = [
    (json(400), "FoxAPI refused the request (400)"),
    (json(401), "does not accept the bot's key"),
    (json(402), "has run out of credit"),
    (text(403), "denied the bot access"),
    (html(413), "this clip is too large. Use a smaller one"),
    (json(422), "FoxAPI refused the request (422)"),
    (Answer(307, headers={"Location": UPLOAD}), "FoxAPI refused the request (307)"),
]

LIMITED = [
    Cell(Answer(429, RATE_BODY, RATE), DONE, paid=1),
    Cell(html(429), DONE, paid=1),
    Cell(html(403), DONE, paid=1),
    Cell(json(200, "?"), DONE, paid=1),
]
DISCORD_FAILING = [
    Cell(json(500, "{}"), DONE, paid=1),
    Cell(empty(503), DONE, paid=1),
    Cell(Reset(), DONE, paid=1),
    Cell(Lose(), DONE, paid=1),
    Cell(Truncate(), DONE, paid=1),
    Cell(Slow(0.5), DONE, paid=1),
]


def refusal(status: int, code: int) -> Cell:
    """One refusal with a code (Discord docs, JSON Error Codes)."""
    return Cell(json(status, f'{{"code": {code}, "message": "no"}}'), DONE, paid=1)


CODES = {
    "too large": [refusal(413, 40005), refusal(400, 50045), refusal(403, 400001)],
    "filters": [refusal(400, 200000), refusal(403, 240000)],
    "passing": [refusal(400, 40004), refusal(403, 40333), refusal(403, 40062), refusal(400, 130000)],
    "threads": [refusal(400, 50083), refusal(403, 160005)],
    "other codes": [
        *(refusal(403, 20009), refusal(403, 50013), refusal(401, 50027)),
        *(refusal(404, 10015), refusal(404, 10008), refusal(400, 50035)),
    ],
}
AT_EDIT = {"refusals": LIMITED, "failing": DISCORD_FAILING, **CODES}
TOO_LARGE = Cell(json(413, '{"code": 40005, "message": "Request entity too large"}'), DONE, paid=1)
AT_RESULTS_EDIT = {"refusals": [*LIMITED, TOO_LARGE], "failing": DISCORD_FAILING, **CODES}
