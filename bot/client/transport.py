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
_TOO_LARGE = 40005
"""Discord docs, JSON Error Codes: request entity too large."""


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
    REJECTED = auto()
    """Another 4xx: the request is invalid."""


def classify(error: BaseException) -> Failure | None:
    """Return why a request failed; None if the exception does not certainly come from a request to Discord."""
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
    """Whether the same request can succeed later; `error` is one of REQUEST_ERRORS."""
    return classify(error) in {Failure.UNAVAILABLE, None}
