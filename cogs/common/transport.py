"""Context managers that turn a failed request to Discord into the exception that its caller handles.

What a failure means is decided in one place, bot.client.transport.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import discord

from bot.client import DISCORD_UNAVAILABLE, REQUEST_ERRORS, Failure, classify
from bot.domain.errors import ExtendBotError, RequestRefused
from bot.domain.reply_port import ReplyUnavailable
from bot.i18n.text import tr

NO_ACCESS = tr("The bot no longer has access to that channel. Ask a moderator to give it access.")

_UNKNOWN_MESSAGE = 10008
"""Discord docs, JSON Error Codes."""


@contextmanager
def refuse_on_error() -> Iterator[None]:
    """Raise RequestRefused with a sentence for the member if a request fails."""
    try:
        yield
    except REQUEST_ERRORS as error:
        if classify(error) is Failure.FORBIDDEN:
            raise RequestRefused(NO_ACCESS) from error
        raise RequestRefused(DISCORD_UNAVAILABLE) from error


class RouteClosed(ExtendBotError):
    """The route no longer reaches the message; another one may."""


class TooLarge(ExtendBotError):
    """The file is too large to upload here."""


@contextmanager
def ignore_deleted() -> Iterator[None]:
    """Ignore that the message to delete does not exist (any more)."""
    try:
        yield
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise


@contextmanager
def raise_route_errors() -> Iterator[None]:
    """Raise RouteClosed, TooLarge or ReplyUnavailable if a request fails."""
    try:
        yield
    except REQUEST_ERRORS as error:
        match classify(error):
            case Failure.TOO_LARGE:
                raise TooLarge(str(error)) from error
            case Failure.FORBIDDEN | Failure.GONE:
                raise RouteClosed(str(error)) from error
            case Failure.REJECTED if _is_bad_request(error):
                raise RouteClosed(str(error)) from error
        raise ReplyUnavailable(_describe(error), getattr(error, "retry_after", None)) from error


def _is_bad_request(error: BaseException) -> bool:
    """Return whether Discord itself rejected the request: an answer by a proxy has no error code."""
    return isinstance(error, discord.HTTPException) and error.status == 400 and bool(error.code)


def _describe(error: BaseException) -> str:
    if isinstance(error, discord.HTTPException):
        return f"Discord answered {error.status} ({error.code})"
    return type(error).__name__
