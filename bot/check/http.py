"""Asking the outside, briefly: each call has a time-out and a bound, and answers with what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from bot.domain.errors import ExtendBotError
from bot.domain.http_time import parse_http_date

_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=8)
_BODY_MAX = 1 << 20


class RequestFailed(ExtendBotError):
    """Nobody answered. Its text says why, in a few words."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    skew: timedelta | None
    """By how much the other side's clock is ahead of ours, give or take a second; None if it did not say."""


async def get(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], now: Callable[[], datetime]
) -> HttpResponse:
    """GET, without following redirects. Raises Unreachable."""
    asked = now()
    try:
        async with session.get(url, headers=dict(headers), timeout=_TIMEOUT, allow_redirects=False) as answer:
            body = await _whole(answer)
            middle = asked + (now() - asked) / 2
            return HttpResponse(answer.status, answer.headers, body, _skew(answer.headers.get("Date", ""), middle))
    except TimeoutError as error:
        raise RequestFailed("no answer in time") from error
    except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
        raise RequestFailed(_reason(error)) from error


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """The body, however many pieces it comes in; of one without end its beginning."""
    body = bytearray()
    async for piece in answer.content.iter_chunked(1 << 16):
        body += piece
        if len(body) >= _BODY_MAX:
            break
    return bytes(body)


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its certificate is not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "nobody listens there" if isinstance(error.os_error, ConnectionRefusedError) else "no connection"
    return type(error).__name__


def _skew(date: str, now: datetime) -> timedelta | None:
    theirs = parse_http_date(date)
    return theirs - now if theirs else None
