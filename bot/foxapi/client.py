"""FoxAPI's calls over HTTP. Downloads of results go through the media room, like any other video from outside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import SecretStr
from yarl import URL

from bot.domain.redaction import Redactor
from bot.foxapi.protocol import (
    ConnectionFailed,
    Json,
    RateLimited,
    Rejected,
    RemoteTask,
    Submission,
    SubmissionNotReceived,
    SubmissionUncertain,
    TransientError,
    link,
    parse_response,
    parse_submission,
    parse_task,
)

log = logging.getLogger(__name__)

USER_AGENT = "extend-bot/0.1 (+Discord bot)"
"""Seen: FoxAPI's gateway answers 403 to a library's own."""
_BODY_MAX = 1 << 20
_LOGGED = 10_000
"""Bytes of an answer that are looked at for the log, which gets less of it."""
_CONNECT, _UPLOAD = 10, 600
"""Seconds: for a connection, and for an upload as a whole."""


class FoxAPI:
    """The calls that the bot makes. Use as an async context manager.

    The key travels in `Authorization` alone, and only to `base`: redirects are never followed, because a redirected
    POST is a second POST.
    """

    def __init__(
        self,
        base: str,
        key: SecretStr,
        model: str,
        paid_seconds: float = 90,
        *,
        query_seconds: float = 20,
        upload_seconds: float = 120,
        secrets: Iterable[str] = (),
        trace: aiohttp.TraceConfig | None = None,
    ) -> None:
        """`base`: FOXAPI_URL, without a path of its own; `trace` is told of every request.

        `secrets`: what no error may tell, besides the key.

        Patience for answers: `paid_seconds` to the create call, `query_seconds` to a query, `upload_seconds` to an
        upload once its last byte is sent.
        """
        self._traces = [trace] if trace else []
        self._base = URL(base.rstrip("/"))
        self._key = key
        self._discretion = Redactor([key.get_secret_value(), *secrets])
        self._model = model
        self._create = aiohttp.ClientTimeout(total=paid_seconds, sock_connect=_CONNECT)
        self._query = aiohttp.ClientTimeout(total=query_seconds, sock_connect=_CONNECT)
        self._upload = aiohttp.ClientTimeout(total=_UPLOAD, sock_connect=_CONNECT, sock_read=upload_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._paid_session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": USER_AGENT}
        self._session = aiohttp.ClientSession(
            headers=headers, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=self._traces
        )
        # The paid call gets a connection of its own each time: one that FoxAPI has closed meanwhile would make
        # "was it taken?" unanswerable for no reason.
        self._paid_session = aiohttp.ClientSession(
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(force_close=True),
            trace_configs=self._traces,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._session, self._paid_session):
            if session is not None:
                await session.close()

    async def submit(self, prompt: str, video_url: str, seconds: int) -> Submission:
        """Pay for one task (POST /v1/videos/generations).

        Raises Rejected (not taken, and of no use to repeat), NotTaken (not taken, may be sent again after its
        `retry_after`) or MaybeTaken (must never be sent again); nothing else but cancellation.
        """
        order = {"model": self._model, "prompt": prompt, "video_url": video_url, "duration": seconds}
        try:
            content = await self._call(self._paid_session, "POST", "v1/videos/generations", self._create, json=order)
        except Rejected:
            raise
        except (RateLimited, ConnectionFailed) as error:
            raise SubmissionNotReceived(str(error), error.retry_after) from error
        except Exception as error:
            raise SubmissionUncertain(self._discretion(f"{type(error).__name__}: {error}")) from error
        return parse_submission(content)

    async def task(self, remote_id: str) -> RemoteTask:
        """Ask how a task is (GET /v1/tasks/{id}). Raises UnknownTask, Rejected or Passing."""
        content = await self._call(self._session, "GET", f"v1/tasks/{remote_id}", self._query)
        return parse_task(content, self._discretion)

    async def upload(self, clip: Path, name: str) -> str:
        """Put a prepared clip where FoxAPI finds it for 72 hours; return its address. Raises Rejected or Passing."""
        file = await asyncio.to_thread(clip.open, "rb")
        with file:
            form = aiohttp.FormData()
            form.add_field("file", file, filename=name, content_type="video/mp4")
            content = await self._call(self._session, "POST", "v1/files/upload/stream", self._upload, data=form)
        url = link(content.get("url"))
        if url is None:
            raise TransientError("an upload was answered without an address")
        return url

    async def models(self) -> list[str]:
        """Name the models that this key can call (GET /v1/models; seen, not documented). Raises Rejected or Passing."""
        content = await self._call(self._session, "GET", "v1/models", self._query)
        items = content.get("data")
        ids = [item.get("id") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        return [each for each in ids if isinstance(each, str)]

    async def _call(
        self,
        session: aiohttp.ClientSession | None,
        method: str,
        path: str,
        timeout: aiohttp.ClientTimeout,
        **content: Any,  # noqa: ANN401 (aiohttp's own keywords: json= or data=)
    ) -> Json:
        if session is None:
            raise RuntimeError("FoxAPI is used as a context manager")
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        try:
            async with session.request(
                method, self._base / path, headers=headers, timeout=timeout, allow_redirects=False, **content
            ) as answer:
                body = await _read_bounded(answer)
                status, answered = answer.status, answer.headers
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectionFailed(f"no connection: {type(error).__name__}") from error
        except (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError) as error:
            raise TransientError(self._discretion(f"{type(error).__name__}: {error}")) from error
        if status != 200:
            log.debug("FoxAPI answered %d: %.300r", status, self._discretion(body[:_LOGGED].decode(errors="replace")))
        return parse_response(status, answered, body, self._discretion)


async def _read_bounded(answer: aiohttp.ClientResponse) -> bytes:
    """The body, however many pieces it comes in. Of a refusal the status decides: it need not come whole."""
    body, told = bytearray(), 200 <= answer.status < 300
    try:
        async for piece in answer.content.iter_chunked(1 << 16):
            body += piece
            if len(body) > _BODY_MAX:
                raise aiohttp.ClientPayloadError("an answer without end")
    except (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError):
        if told:
            raise
    return bytes(body)
