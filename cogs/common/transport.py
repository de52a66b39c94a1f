"""Classifies Discord's failures once: retry, gone, too large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import discord

from bot.client import DISCORD_UNAVAILABLE, REQUEST_ERRORS, Failure, classify
from bot.domain.errors import RequestRefused
from bot.domain.reply_port import ReplyUnavailable
from bot.i18n.text import tr

NO_ACCESS = tr("Discord does not let me look there any more: ask a moderator.")

_UNKNOWN_MESSAGE = 10008


@contextmanager
def refuse_on_error() -> Iterator[None]:
    """Turn what Discord's ill health raises into a sentence."""
    try:
        yield
    except REQUEST_ERRORS as error:
        if classify(error) is Failure.FORBIDDEN:
            raise RequestRefused(NO_ACCESS) from error
        raise RequestRefused(DISCORD_UNAVAILABLE) from error


class RouteClosed(Exception):
    """The way does not lead to the message any more."""


class TooLarge(Exception):
    """Discord does not take a file of this size here."""


@contextmanager
def ignore_deleted() -> Iterator[None]:
    """A message that is gone already is as good as one that was just deleted."""
    try:
        yield
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise


@contextmanager
def raise_route_errors() -> Iterator[None]:
    """Sort what discord.py raises into this module's exceptions."""
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
    """Whether Discord itself, and nothing before it, says that the request is wrong."""
    return isinstance(error, discord.HTTPException) and error.status == 400 and bool(error.code)


def _describe(error: BaseException) -> str:
    if isinstance(error, discord.HTTPException):
        return f"Discord answered {error.status} ({error.code})"
    return type(error).__name__
