"""FoxAPI's HTTP calls. Results are downloaded by bot.media, like any other external video."""

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
from bot.foxapi.errors import (
    ConnectionFailed,
    RateLimited,
    Rejected,
    SubmissionNotReceived,
    SubmissionUncertain,
    TransientError,
)
from bot.foxapi.protocol import Json, RemoteTask, Submission, parse_response, parse_submission, parse_task, parse_url

log = logging.getLogger(__name__)

USER_AGENT = "extend-bot/0.1 (+Discord bot)"
"""Seen: FoxAPI's gateway answers 403 to the default ones of libraries."""
_BODY_MAX = 1 << 20
_MAX_LOGGED = 10_000
"""Bytes of a response that are read for the log, which shows fewer of them."""
_CONNECT_TIMEOUT, _UPLOAD_TIMEOUT = 10, 600
"""Seconds to connect, and for a whole upload."""


class FoxAPI:
    """The API calls of the bot. Use as an async context manager.

    The key is sent only in `Authorization`, and only to `base`. Redirects are never followed, because a redirected POST
    would be a second POST.
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
        """`base`: FOXAPI_URL, without a path of its own; `trace` observes every request.

        `secrets`: further values that must not appear in errors, besides the key.

        Timeouts in seconds: `paid_seconds` for the create call, `query_seconds` for a query, `upload_seconds` for the
        response to an upload after its last byte is sent.
        """
        self._traces = [trace] if trace else []
        self._base = URL(base.rstrip("/"))
        self._key = key
        self._redactor = Redactor([key.get_secret_value(), *secrets])
        self._model = model
        self._create = aiohttp.ClientTimeout(total=paid_seconds, sock_connect=_CONNECT_TIMEOUT)
        self._query = aiohttp.ClientTimeout(total=query_seconds, sock_connect=_CONNECT_TIMEOUT)
        self._upload = aiohttp.ClientTimeout(
            total=_UPLOAD_TIMEOUT, sock_connect=_CONNECT_TIMEOUT, sock_read=upload_seconds
        )
        self._session: aiohttp.ClientSession | None = None
        self._paid_session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": USER_AGENT}
        self._session = aiohttp.ClientSession(
            headers=headers, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=self._traces
        )
        # Each paid call gets a new connection: if FoxAPI had closed a reused one in the meantime, it would
        # be impossible to know whether the request was accepted.
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

        Raises Rejected (not accepted, and useless to repeat), SubmissionNotReceived (not accepted, may be sent again
        after its `retry_after`) or SubmissionUncertain (must never be sent again); nothing else but cancellation.
        """
        request = {"model": self._model, "prompt": prompt, "video_url": video_url, "duration": seconds}
        try:
            content = await self._call(self._paid_session, "POST", "v1/videos/generations", self._create, json=request)
        except Rejected:
            raise
        except (RateLimited, ConnectionFailed) as error:
            raise SubmissionNotReceived(str(error), error.retry_after) from error
        except Exception as error:
            raise SubmissionUncertain(self._redactor(f"{type(error).__name__}: {error}")) from error
        return parse_submission(content)

    async def get_task(self, remote_id: str) -> RemoteTask:
        """Query a task (GET /v1/tasks/{id}). Raises TaskNotFound, Rejected or TransientError."""
        content = await self._call(self._session, "GET", f"v1/tasks/{remote_id}", self._query)
        return parse_task(content, self._redactor)

    async def upload(self, clip: Path, name: str) -> str:
        """Upload a clip, which FoxAPI keeps for 72 hours, and return its URL. Raises Rejected or TransientError."""
        file = await asyncio.to_thread(clip.open, "rb")
        with file:
            form = aiohttp.FormData()
            form.add_field("file", file, filename=name, content_type="video/mp4")
            content = await self._call(self._session, "POST", "v1/files/upload/stream", self._upload, data=form)
        url = parse_url(content.get("url"))
        if url is None:
            raise TransientError("the response to an upload has no URL")
        return url

    async def list_models(self) -> list[str]:
        """List the models that this key can call (GET /v1/models; seen, not documented).

        Raises Rejected or TransientError.
        """
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
            raise RuntimeError("use FoxAPI as a context manager")
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
            raise TransientError(self._redactor(f"{type(error).__name__}: {error}")) from error
        if status != 200:
            log.debug("FoxAPI answered %d: %.300r", status, self._redactor(body[:_MAX_LOGGED].decode(errors="replace")))
        return parse_response(status, answered, body, self._redactor)


async def _read_bounded(answer: aiohttp.ClientResponse) -> bytes:
    """Read the body. An error response need not be complete, because its status decides."""
    body, is_success = bytearray(), 200 <= answer.status < 300
    try:
        async for piece in answer.content.iter_chunked(1 << 16):
            body += piece
            if len(body) > _BODY_MAX:
                raise aiohttp.ClientPayloadError("the response body is too large")
    except (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError):
        if is_success:
            raise
    return bytes(body)
