"""FoxAPI's HTTP contract: request validation and error responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

MODEL = "grok-imagine-video-extension"
FIELDS = frozenset({"model", "prompt", "video_url", "duration"})
PROMPT_LIMIT = 4096
SECONDS = range(2, 11)
SECONDS_DEFAULT = 6
URL_LIMIT = 2048


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """A valid create request: render `seconds` more seconds of the video."""

    prompt: str
    video_url: str
    seconds: int


def parse_request(body: bytes) -> RenderRequest:
    """Validate the body of a create call strictly against the documented fields; raises the 400 or 422 response."""
    try:
        fields = json.loads(body)
    except ValueError:
        raise make_error(400, "request body is not valid JSON", "invalid_request_error") from None
    if not isinstance(fields, dict):
        raise make_error(400, "request body must be a JSON object", "invalid_request_error")
    if unknown := sorted(fields.keys() - FIELDS):
        raise _make_invalid(f"unknown parameter: {unknown[0][:60]}")
    if fields.get("model") != MODEL:
        raise make_error(
            422, f"model {str(fields.get('model'))[:60]!r} not found", "invalid_request_error", "model_not_found"
        )
    return RenderRequest(
        _parse_prompt(fields.get("prompt")), _parse_video_url(fields.get("video_url")), _parse_seconds(fields)
    )


def make_error(status: int, message: str, kind: str, code: str | None = None) -> web.HTTPException:
    """The documented error response (`{"error": {"message", "type"[, "code"]}}`) as an exception to raise."""
    error = {"message": message, "type": kind, **({"code": code} if code else {})}
    response = ErrorResponse(text=json.dumps({"error": error}), content_type="application/json")
    response.set_status(status)
    return response


class ErrorResponse(web.HTTPClientError):
    """An error response; :func:`make_error` sets its status."""

    status_code = 400


def _make_invalid(message: str) -> web.HTTPException:
    return make_error(422, message, "invalid_request_error", "invalid_parameters")


def _parse_prompt(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _make_invalid("prompt is required")
    if len(value) > PROMPT_LIMIT:
        raise _make_invalid(f"prompt must be at most {PROMPT_LIMIT} characters, got {len(value)}")
    return value


def _parse_video_url(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _make_invalid("video_url is required")
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and len(value) <= URL_LIMIT
    except ValueError:
        good = False
    if not good:
        raise _make_invalid("video_url must be a public http or https address")
    return value


def _parse_seconds(fields: Mapping[str, object]) -> int:
    value = fields.get("duration", SECONDS_DEFAULT)
    if not isinstance(value, int) or isinstance(value, bool) or value not in SECONDS:
        raise _make_invalid(f"duration must be an integer between {SECONDS[0]} and {SECONDS[-1]}")
    return value
