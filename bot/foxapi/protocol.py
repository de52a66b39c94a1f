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
from bot.foxapi.error_messages import explain_failure, explain_status
from bot.foxapi.errors import RateLimited, Rejected, SubmissionUncertain, TaskNotFound, TransientError
from bot.i18n.text import Translatable
from bot.redaction import Redactor

Json = dict[str, Any]
_WORD = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_ID = re.compile(r"(?!\.+$)[\w.:=+~@-]{1,200}", re.ASCII)
"""Of a task: it becomes a part of a path, and is kept in a database."""
_MAX_URL = 4096
_DEFAULT_REDACTOR = Redactor()
_MAX_MESSAGE = 10_000
"""Characters of an error's message that are looked at."""
_REQUEST = re.compile(r"request[_ ]id:? *([\w.-]{1,80})", re.IGNORECASE)


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
    status: int, headers: Mapping[str, str], body: bytes, redactor: Redactor = _DEFAULT_REDACTOR
) -> Json:
    """Return the JSON object of a 2xx answer.

    No error tells what `redactor` knows, whatever FoxAPI says. Raises Busy (429), UnknownTask (404), Rejected (any
    other 3xx or 4xx) or Passing (everything else, unreadable bodies included), and nothing but these.
    """
    content = _parse_object(body)
    if 200 <= status < 300:
        if content is None:
            raise TransientError(f"{status} with a body that is not a JSON object")
        return content
    code, message = _parse_error(content, body, redactor)
    request = _find_request_id(headers, message, redactor)
    text = f"{status} {code or 'without a code'}{request}"
    if status == 429:
        raise RateLimited(text, retry_after(headers))
    if status == 404:
        raise TaskNotFound(status, code, request, explain_status(status, code, message))
    if 300 <= status < 500 and status != 303:  # 303 See Other says that the request WAS acted upon
        raise Rejected(status, code, request, explain_status(status, code, message))
    raise TransientError(text, retry_after(headers))


def parse_submission(content: Json) -> Submission:
    """Read the create call's answer. Raises MaybeTaken when there is no id in it: something may be rendering."""
    remote_id = content.get("id")
    if not isinstance(remote_id, str) or not _ID.fullmatch(remote_id):
        raise SubmissionUncertain("2xx without a task id")
    info = content.get("task_info")
    seconds = info.get("estimated_time") if isinstance(info, dict) else None
    return Submission(remote_id, _parse_number(seconds), _parse_credits(content))


def parse_task(content: Json, redactor: Redactor = _DEFAULT_REDACTOR) -> RemoteTask:
    """Read the query's answer. A status that we do not know counts as processing: only time can tell what it means."""
    stated = content.get("status")
    word = stated.lower() if isinstance(stated, str) else ""
    if word in {"cancelled", "canceled"}:  # seen; it ends like failed
        word = RemoteStatus.FAILED
    status = RemoteStatus(word) if word in set(RemoteStatus) else RemoteStatus.PROCESSING
    percent = min(100, max(0, int(_parse_number(content.get("progress")) or 0)))
    if status is not RemoteStatus.FAILED:
        return RemoteTask(status, percent, _find_result_url(content), None, credits=_parse_credits(content))
    code, message = _parse_error(content, b"", redactor)
    return RemoteTask(status, percent, None, explain_failure(code, message), code, _parse_credits(content))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from Retry-After as seconds or as a date (RFC 9110, 10.2.3); at most an hour is believed."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    return parse_retry_after(value, datetime.now(UTC))


def _parse_object(body: bytes) -> Json | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _parse_error(content: Json | None, body: bytes, redactor: Redactor) -> tuple[str, str]:
    """The error's code and message; gateways in front of FoxAPI answer HTML or plain text (seen).

    All of FoxAPI's words pass through here. They may hold the key, or a link that opens what it leads to; both go
    before the words are cut to their length, because of half a key too little would be recognised.
    """
    error = (content or {}).get("error")
    if isinstance(error, dict):
        return _parse_code(error.get("code"), redactor), _clean_text(error.get("message"), 300, redactor)
    if isinstance(error, str):
        return "", _clean_text(error, 300, redactor)
    return "", _clean_text(body[:_MAX_MESSAGE].decode("utf-8", "replace"), 80, redactor)


def _clean_text(value: object, max_length: int, redactor: Redactor) -> str:
    """A text for people: without what no database, message or log takes, such as half characters and NULs."""
    text = redactor(value[:_MAX_MESSAGE])[:max_length] if isinstance(value, str) else ""
    return "".join(each if each.isprintable() else " " for each in text).strip()


def _parse_code(value: object, redactor: Redactor) -> str:
    """A code is a word; anything else that stands in its place is not for the log."""
    text = str(value) if isinstance(value, int) and abs(value) < 10**9 else value
    if not isinstance(text, str):
        return ""
    return found[0] if (found := _WORD.fullmatch(redactor(text[:_MAX_MESSAGE]))) else ""


def _find_request_id(headers: Mapping[str, str], message: str, redactor: Redactor) -> str:
    """By which FoxAPI's support finds the request: in a header, or (seen) in the message. For the log."""
    value = redactor(next((v for k, v in headers.items() if k.lower() == "x-request-id"), "")[:_MAX_MESSAGE])
    if found := _WORD.fullmatch(value) or _REQUEST.search(message):
        return f" (request {found[found.lastindex or 0]})"
    return ""


def _parse_credits(content: Json) -> float | None:
    usage = content.get("usage")
    number = _parse_number(usage.get("credits_reserved")) if isinstance(usage, dict) else None
    return number if number is None or number >= 0 else None


def _parse_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e9 else None  # also turns away infinity and NaN


def _find_result_url(content: Json) -> str | None:
    """The first http(s) link among the shapes that FoxAPI's pages, old and new, show."""
    output = content.get("output")
    places: list[object] = [content.get("results")]
    if isinstance(output, dict):
        places += [output.get("url"), output.get("urls")]
    for place in places:
        for item in place if isinstance(place, list) else [place]:
            if url := parse_url(item.get("url") if isinstance(item, dict) else item):
                return url
    return None


def parse_url(value: object) -> str | None:
    """`value`, if it is an http(s) link that can be kept."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return None
    return value if value.isprintable() and len(value) <= _MAX_URL else None
