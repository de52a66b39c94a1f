"""What it means when a request to Discord fails: one list of exceptions and one classification of them.

discord.py raises its own exceptions, but lets aiohttp's and the parser's through: it parses whatever calls itself JSON,
also the empty body of a 503.
"""

from __future__ import annotations

import json
from enum import Enum, auto

import aiohttp
import discord

REQUEST_ERRORS = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError, ValueError)
"""All by which a request to Discord ends without a usable answer; for blocks that hold nothing but such requests."""

_UNANSWERED = (
    discord.RateLimited,
    aiohttp.ClientError,
    ConnectionError,
    TimeoutError,
    json.JSONDecodeError,
    UnicodeDecodeError,
)
"""Of these, the ones that are no exceptions of our own code either."""
_TOO_LARGE = 40005
"""Discord docs, JSON Error Codes: request entity too large."""


class Failure(Enum):
    """Why a request to Discord failed."""

    UNAVAILABLE = auto()
    """Discord did not answer, answered 5xx or 429, or its answer cannot be read: try again later."""
    FORBIDDEN = auto()
    """401 or 403: the bot may not do that (any more)."""
    GONE = auto()
    """404: it is not there (any more)."""
    TOO_LARGE = auto()
    """The upload is too large for that place."""
    REJECTED = auto()
    """Another 4xx: the request itself is wrong."""


def classify(error: BaseException) -> Failure | None:
    """Why a request failed; None for an exception that no request to Discord raises, or that others raise too."""
    if isinstance(error, discord.HTTPException):
        if error.status == 413 or error.code == _TOO_LARGE:
            return Failure.TOO_LARGE
        if error.status == 429 or error.status >= 500:
            return Failure.UNAVAILABLE
        if error.status in {401, 403}:
            return Failure.FORBIDDEN
        return Failure.GONE if error.status == 404 else Failure.REJECTED
    return Failure.UNAVAILABLE if isinstance(error, _UNANSWERED) else None


def is_unavailable(error: BaseException) -> bool:
    """Whether the same request may succeed later; `error` is one of REQUEST_ERRORS."""
    return classify(error) in {Failure.UNAVAILABLE, None}
