"""What FoxAPI says, deciphered without any I/O.

Sources: FoxAPI's pages for creating and querying a video task; what its clients have seen beyond them is marked "seen".
Decided by status first, code second, never by the type's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bot.domain.http_time import parse_retry_after
from bot.domain.redaction import Redactor
from bot.foxapi.error_messages import sentence_for_failure, sentence_for_status
from bot.i18n.text import Translatable

Json = dict[str, Any]
_WORD = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_ID = re.compile(r"(?!\.+$)[\w.:=+~@-]{1,200}", re.ASCII)
"""Of a task: it becomes a part of a path, and is kept in a database."""
_LINK_LONGEST = 4096
_PATTERNS_ALONE = Redactor()
_SAID_MAX = 10_000
"""Characters of an error's message that are looked at."""
_REQUEST = re.compile(r"request[_ ]id:? *([\w.-]{1,80})", re.IGNORECASE)


class FoxError(Exception):
    """FoxAPI did not do what was asked. Its text is for the log, and so without FoxAPI's words: they may quote."""


class Rejected(FoxError):
    """FoxAPI refused the request as it stands (4xx): no use to repeat it. `sentence` is for the member."""

    def __init__(self, status: int, code: str, request: str, sentence: Translatable) -> None:
        super().__init__(f"{status} {code or 'without a code'}{request}")
        self.status = status
        self.code = code
        self.message = sentence


class TaskNotFound(Rejected):
    """FoxAPI does not know this task id (404)."""


class TransientError(FoxError):
    """A fault that passes: ask again, after `retry_after` seconds if it was said."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class RateLimited(TransientError):
    """Too many requests (429); this one was surely not taken."""


class ConnectionFailed(TransientError):
    """The request surely did not reach FoxAPI: no address, or nobody at it."""


class SubmissionNotReceived(TransientError):
    """The paid request did not reach FoxAPI, or was turned away (429): it may be sent again."""


class SubmissionUncertain(FoxError):
    """The paid request may have been taken: it must never be sent again."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The create call's answer. Only the id can be relied on (seen: the rest may be missing)."""

    remote_id: str
    estimated_seconds: float | None
    credits: float | None = None
    """What it costs (seen here, documented in the query's answer)."""


class RemoteStatus(StrEnum):
    """A task's status at FoxAPI."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """The query's answer: a task at FoxAPI at one moment."""

    status: RemoteStatus
    percent: int
    """0 to 100."""
    url: str | None
    """The result. Seen: `completed` without one, which then appears some seconds later."""
    message: Translatable | None
    """Why it failed, for the member."""
    code: str = ""
    credits: float | None = None
    """What it costs, where that is said."""


def parse_response(
    status: int, headers: Mapping[str, str], body: bytes, discretion: Redactor = _PATTERNS_ALONE
) -> Json:
    """Return the JSON object of a 2xx answer.

    No error tells what `discretion` knows, whatever FoxAPI says. Raises Busy (429), UnknownTask (404), Rejected (any
    other 3xx or 4xx) or Passing (everything else, unreadable bodies included), and nothing but these.
    """
    content = _object(body)
    if 200 <= status < 300:
        if content is None:
            raise TransientError(f"{status} with a body that is not a JSON object")
        return content
    code, message = _error(content, body, discretion)
    request = _request_id(headers, message, discretion)
    text = f"{status} {code or 'without a code'}{request}"
    if status == 429:
        raise RateLimited(text, retry_after(headers))
    if status == 404:
        raise TaskNotFound(status, code, request, sentence_for_status(status, code, message))
    if 300 <= status < 500 and status != 303:  # 303 See Other says that the request WAS acted upon
        raise Rejected(status, code, request, sentence_for_status(status, code, message))
    raise TransientError(text, retry_after(headers))


def parse_submission(content: Json) -> Submission:
    """Read the create call's answer. Raises MaybeTaken when there is no id in it: something may be rendering."""
    remote_id = content.get("id")
    if not isinstance(remote_id, str) or not _ID.fullmatch(remote_id):
        raise SubmissionUncertain("2xx without a task id")
    info = content.get("task_info")
    seconds = info.get("estimated_time") if isinstance(info, dict) else None
    return Submission(remote_id, _number(seconds), _credits(content))


def parse_task(content: Json, discretion: Redactor = _PATTERNS_ALONE) -> RemoteTask:
    """Read the query's answer. A status that we do not know counts as processing: only time can tell what it means."""
    told = content.get("status")
    word = told.lower() if isinstance(told, str) else ""
    if word in {"cancelled", "canceled"}:  # seen; it ends like failed
        word = RemoteStatus.FAILED
    status = RemoteStatus(word) if word in set(RemoteStatus) else RemoteStatus.PROCESSING
    percent = min(100, max(0, int(_number(content.get("progress")) or 0)))
    if status is not RemoteStatus.FAILED:
        return RemoteTask(status, percent, _result_url(content), None, credits=_credits(content))
    code, message = _error(content, b"", discretion)
    return RemoteTask(status, percent, None, sentence_for_failure(code, message), code, _credits(content))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from Retry-After as seconds or as a date (RFC 9110, 10.2.3); at most an hour is believed."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    return parse_retry_after(value, datetime.now(UTC))


def _object(body: bytes) -> Json | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _error(content: Json | None, body: bytes, discretion: Redactor) -> tuple[str, str]:
    """The error's code and message; gateways in front of FoxAPI answer HTML or plain text (seen).

    All of FoxAPI's words pass through here. They may hold the key, or a link that opens what it leads to; both go
    before the words are cut to their length, because of half a key too little would be recognised.
    """
    error = (content or {}).get("error")
    if isinstance(error, dict):
        return _code(error.get("code"), discretion), _words(error.get("message"), 300, discretion)
    if isinstance(error, str):
        return "", _words(error, 300, discretion)
    return "", _words(body[:_SAID_MAX].decode("utf-8", "replace"), 80, discretion)


def _words(value: object, longest: int, discretion: Redactor) -> str:
    """A text for people: without what no database, message or log takes, such as half characters and NULs."""
    text = discretion(value[:_SAID_MAX])[:longest] if isinstance(value, str) else ""
    return "".join(each if each.isprintable() else " " for each in text).strip()


def _code(value: object, discretion: Redactor) -> str:
    """A code is a word; anything else that stands in its place is not for the log."""
    text = str(value) if isinstance(value, int) and abs(value) < 10**9 else value
    if not isinstance(text, str):
        return ""
    return found[0] if (found := _WORD.fullmatch(discretion(text[:_SAID_MAX]))) else ""


def _request_id(headers: Mapping[str, str], message: str, discretion: Redactor) -> str:
    """By which FoxAPI's support finds the request: in a header, or (seen) in the message. For the log."""
    value = discretion(next((v for k, v in headers.items() if k.lower() == "x-request-id"), "")[:_SAID_MAX])
    if found := _WORD.fullmatch(value) or _REQUEST.search(message):
        return f" (request {found[found.lastindex or 0]})"
    return ""


def _credits(content: Json) -> float | None:
    usage = content.get("usage")
    number = _number(usage.get("credits_reserved")) if isinstance(usage, dict) else None
    return number if number is None or number >= 0 else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e9 else None  # also turns away infinity and NaN


def _result_url(content: Json) -> str | None:
    """The first http(s) link among the shapes that FoxAPI's pages, old and new, show."""
    output = content.get("output")
    places: list[object] = [content.get("results")]
    if isinstance(output, dict):
        places += [output.get("url"), output.get("urls")]
    for place in places:
        for item in place if isinstance(place, list) else [place]:
            if url := link(item.get("url") if isinstance(item, dict) else item):
                return url
    return None


def link(value: object) -> str | None:
    """`value`, if it is an http(s) link that can be kept."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return None
    return value if value.isprintable() and len(value) <= _LINK_LONGEST else None
