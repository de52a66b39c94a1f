"""FoxAPI's protocol without I/O: parses responses into typed values and errors.

Sources: FoxAPI's pages for creating and querying a video task; observations of its clients beyond them are marked
"seen". Errors are classified by status first and code second, never by their type's text.
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
from bot.foxapi.error_messages import explain_failure, explain_status
from bot.foxapi.errors import RateLimited, Rejected, SubmissionUncertain, TaskNotFound, TransientError
from bot.i18n.text import Translatable

Json = dict[str, Any]
_WORD = re.compile(r"[\w.:-]{1,80}", re.ASCII)
_ID = re.compile(r"(?!\.+$)[\w.:=+~@-]{1,200}", re.ASCII)
"""A task id: it becomes part of a URL path and is stored in a database."""
_MAX_URL = 4096
_DEFAULT_REDACTOR = Redactor()
_MAX_MESSAGE = 10_000
"""Characters of an error message that are read."""
_REQUEST = re.compile(r"request[_ ]id:? *([\w.-]{1,80})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Submission:
    """The response to the create call. Only the id is reliable (seen: the rest may be missing)."""

    remote_id: str
    credits: float | None = None
    """The price (seen here, documented for the query's response)."""


class RemoteStatus(StrEnum):
    """The status of a task at FoxAPI."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """The response to a query: the state of a task at FoxAPI."""

    status: RemoteStatus
    percent: int
    """0 to 100."""
    url: str | None
    """The result. Seen: `completed` without a URL, which then appears some seconds later."""
    message: Translatable | None
    """Why it failed, for the member."""
    code: str = ""
    credits: float | None = None
    """The price, if FoxAPI states it."""


def parse_response(
    status: int, headers: Mapping[str, str], body: bytes, redactor: Redactor = _DEFAULT_REDACTOR
) -> Json:
    """Return the JSON object of a 2xx response.

    No error contains the secrets that `redactor` knows, whatever FoxAPI sends. Raises only
    RateLimited (429), TaskNotFound (404), Rejected (any other 3xx or 4xx) or TransientError (everything else, including
    unreadable bodies).
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
        raise RateLimited(text, parse_delay(headers))
    if status == 404:
        raise TaskNotFound(status, code, request, explain_status(status, code, message))
    if 300 <= status < 500 and status != 303:  # 303 See Other means that the request was acted upon
        raise Rejected(status, code, request, explain_status(status, code, message))
    raise TransientError(text, parse_delay(headers))


def parse_submission(content: Json) -> Submission:
    """Parse the create call's response. Raises SubmissionUncertain if it has no id: a task may have been started."""
    remote_id = content.get("id")
    if not isinstance(remote_id, str) or not _ID.fullmatch(remote_id):
        raise SubmissionUncertain("2xx without a task id")
    return Submission(remote_id, _parse_credits(content))


def parse_task(content: Json, redactor: Redactor = _DEFAULT_REDACTOR) -> RemoteTask:
    """Parse the query's response. Unknown statuses count as processing, because only time can tell what they mean."""
    stated = content.get("status")
    word = stated.lower() if isinstance(stated, str) else ""
    if word in {"cancelled", "canceled"}:  # seen; treated as failed
        word = RemoteStatus.FAILED
    status = RemoteStatus(word) if word in set(RemoteStatus) else RemoteStatus.PROCESSING
    percent = min(100, max(0, int(_parse_number(content.get("progress")) or 0)))
    if status is not RemoteStatus.FAILED:
        return RemoteTask(status, percent, _find_result_url(content), None, credits=_parse_credits(content))
    code, message = _parse_error(content, b"", redactor)
    return RemoteTask(status, percent, None, explain_failure(code, message), code, _parse_credits(content))


def parse_delay(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait from Retry-After, given as seconds or a date (RFC 9110, 10.2.3), at most an hour."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    return parse_retry_after(value, datetime.now(UTC))


def _parse_object(body: bytes) -> Json | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _parse_error(content: Json | None, body: bytes, redactor: Redactor) -> tuple[str, str]:
    """Return the error's code and message; gateways in front of FoxAPI send HTML or plain text (seen).

    All of FoxAPI's text passes through here. It may contain the key or a signed URL. Both are redacted before the
    text is truncated, because a truncated key might not be recognized.
    """
    error = (content or {}).get("error")
    if isinstance(error, dict):
        return _parse_code(error.get("code"), redactor), _clean_text(error.get("message"), 300, redactor)
    if isinstance(error, str):
        return "", _clean_text(error, 300, redactor)
    return "", _clean_text(body[:_MAX_MESSAGE].decode("utf-8", "replace"), 80, redactor)


def _clean_text(value: object, max_length: int, redactor: Redactor) -> str:
    """Make text safe to store, log and show: no unprintable characters such as lone surrogates and NULs."""
    text = redactor(value[:_MAX_MESSAGE])[:max_length] if isinstance(value, str) else ""
    return "".join(each if each.isprintable() else " " for each in text).strip()


def _parse_code(value: object, redactor: Redactor) -> str:
    """Return the error code if it is a single word; anything else must not reach the log."""
    text = str(value) if isinstance(value, int) and abs(value) < 10**9 else value
    if not isinstance(text, str):
        return ""
    return found[0] if (found := _WORD.fullmatch(redactor(text[:_MAX_MESSAGE]))) else ""


def _find_request_id(headers: Mapping[str, str], message: str, redactor: Redactor) -> str:
    """Return the id by which FoxAPI's support finds the request, from a header or (seen) the message. For the log."""
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
    return number if abs(number) < 1e9 else None  # also rejects infinity and NaN


def _find_result_url(content: Json) -> str | None:
    """Return the first http(s) URL in one of the response formats of FoxAPI's pages, old and new."""
    output = content.get("output")
    candidates: list[object] = [content.get("results")]
    if isinstance(output, dict):
        candidates += [output.get("url"), output.get("urls")]
    for candidate in candidates:
        for item in candidate if isinstance(candidate, list) else [candidate]:
            if url := parse_url(item.get("url") if isinstance(item, dict) else item):
                return url
    return None


def parse_url(value: object) -> str | None:
    """Return `value` if it is an http(s) URL that can be stored, else None."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return None
    return value if value.isprintable() and len(value) <= _MAX_URL else None
