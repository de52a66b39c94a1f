"""Send GET requests with a time-out and a size limit."""

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
    """No response. The text says why, in a few words."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    skew: timedelta | None
    """How far the server's clock is ahead of ours, to within a second; None without a Date header."""


async def get(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], now: Callable[[], datetime]
) -> HttpResponse:
    """GET, without following redirects. Raises RequestFailed."""
    asked = now()
    try:
        async with session.get(url, headers=dict(headers), timeout=_TIMEOUT, allow_redirects=False) as answer:
            body = await _read_body(answer)
            middle = asked + (now() - asked) / 2
            return HttpResponse(
                answer.status, answer.headers, body, _measure_skew(answer.headers.get("Date", ""), middle)
            )
    except TimeoutError as error:
        raise RequestFailed("no response in time") from error
    except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
        raise RequestFailed(_describe(error)) from error


async def _read_body(answer: aiohttp.ClientResponse) -> bytes:
    """Read the body, up to the size limit."""
    body = bytearray()
    async for piece in answer.content.iter_chunked(1 << 16):
        body += piece
        if len(body) >= _BODY_MAX:
            break
    return bytes(body)


def _describe(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its certificate is not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the connection was refused" if isinstance(error.os_error, ConnectionRefusedError) else "no connection"
    return type(error).__name__


def _measure_skew(date: str, now: datetime) -> timedelta | None:
    theirs = parse_http_date(date)
    return theirs - now if theirs else None
