"""Classify failed requests to Discord.

discord.py raises its own exceptions, but also passes through aiohttp's and the JSON parser's: it parses every body
with a JSON content type, even the empty body of a 503.
"""

from __future__ import annotations

import json
from enum import Enum, auto

import aiohttp
import discord

REQUEST_ERRORS = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError, ValueError)
"""All exceptions of failed requests to Discord; use them only around blocks that contain nothing else."""

_UNANSWERED = (
    discord.RateLimited,
    aiohttp.ClientError,
    ConnectionError,
    TimeoutError,
    json.JSONDecodeError,
    UnicodeDecodeError,
)
"""The exceptions among these that our own code never raises."""
_SESSION_CLOSED = "Session is closed"
"""What aiohttp raises, as a RuntimeError, for a request that begins while the bot is stopping."""


class Failure(Enum):
    """Why a request to Discord failed."""

    UNAVAILABLE = auto()
    """No response, a 5xx or 429, or an unreadable response: try again later."""
    FORBIDDEN = auto()
    """401 or 403: the bot lacks permission."""
    GONE = auto()
    """404: it does not exist (any more)."""
    TOO_LARGE = auto()
    """The upload is over the limit of that channel."""
    UPLOADS_LIMITED = auto()
    """The server takes no files at present."""
    FILTERED = auto()
    """AutoMod or the link filter refused the words or the links."""
    TITLE_FILTERED = auto()
    """AutoMod refused the title of a forum post."""
    ARCHIVED = auto()
    """The thread is archived: open it first."""
    REJECTED = auto()
    """Another 4xx: the request is invalid."""


_BY_CODE = {
    40005: Failure.TOO_LARGE,
    50045: Failure.TOO_LARGE,
    400001: Failure.UPLOADS_LIMITED,
    200000: Failure.FILTERED,
    240000: Failure.FILTERED,
    200001: Failure.TITLE_FILTERED,
    50083: Failure.ARCHIVED,
    40004: Failure.UNAVAILABLE,  # sending messages has been disabled temporarily
    40062: Failure.UNAVAILABLE,  # the service resource is rate limited
    40333: Failure.UNAVAILABLE,  # an intermediate server rejected the request
    130000: Failure.UNAVAILABLE,  # the API is overloaded
    20009: Failure.FORBIDDEN,  # explicit content cannot be sent to that person
    160005: Failure.FORBIDDEN,  # the thread is locked
}
"""What an error code means whatever its HTTP status, which is often undocumented (Discord docs, JSON Error Codes)."""


def classify(error: BaseException) -> Failure | None:
    """Return why a request failed; None if the exception does not certainly come from a request to Discord."""
    if isinstance(error, discord.HTTPException):
        if error.code in _BY_CODE:
            return _BY_CODE[error.code]
        if error.status == 413:
            return Failure.TOO_LARGE
        if error.status == 429 or error.status >= 500:
            return Failure.UNAVAILABLE
        if error.status in {401, 403}:
            return Failure.FORBIDDEN
        return Failure.GONE if error.status == 404 else Failure.REJECTED
    was_stopping = isinstance(error, RuntimeError) and str(error) == _SESSION_CLOSED
    return Failure.UNAVAILABLE if was_stopping or isinstance(error, _UNANSWERED) else None


def is_unavailable(error: BaseException) -> bool:
    """Whether the same request can succeed later; `error` is one of REQUEST_ERRORS."""
    return classify(error) in {Failure.UNAVAILABLE, None}
