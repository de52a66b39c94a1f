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
    """The route no longer reaches the message; another one may. `gone`: the message does not exist any more."""

    def __init__(self, text: str, *, gone: bool = False) -> None:
        super().__init__(text)
        self.gone = gone


class TooLarge(ExtendBotError):
    """The file is too large to upload here."""


class UploadsLimited(ExtendBotError):
    """The server takes no files at present."""


class Filtered(ExtendBotError):
    """A filter of the server refused the words or the links of the message."""


class ThreadArchived(ExtendBotError):
    """The thread has to be opened before its messages can be edited."""


_EXCEPTIONS: dict[Failure | None, type[ExtendBotError]] = {
    Failure.TOO_LARGE: TooLarge,
    Failure.UPLOADS_LIMITED: UploadsLimited,
    Failure.FILTERED: Filtered,
    Failure.ARCHIVED: ThreadArchived,
}


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
    """Raise RouteClosed, ReplyUnavailable or one of the exceptions above if a request fails."""
    try:
        yield
    except REQUEST_ERRORS as error:
        failure = classify(error)
        if failure in _EXCEPTIONS:
            raise _EXCEPTIONS[failure](str(error)) from error
        if failure in {Failure.FORBIDDEN, Failure.GONE} or (failure is Failure.REJECTED and _is_bad_request(error)):
            raise RouteClosed(str(error), gone=failure is Failure.GONE) from error
        is_answer = isinstance(error, discord.HTTPException) and error.status >= 500
        retry_after = getattr(error, "retry_after", None)
        raise ReplyUnavailable(_describe(error), retry_after, server_error=is_answer) from error


def _is_bad_request(error: BaseException) -> bool:
    """Return whether Discord itself rejected the request: an answer by a proxy has no error code."""
    return isinstance(error, discord.HTTPException) and error.status == 400 and bool(error.code)


def _describe(error: BaseException) -> str:
    if isinstance(error, discord.HTTPException):
        return f"Discord answered {error.status} ({error.code})"
    return type(error).__name__
