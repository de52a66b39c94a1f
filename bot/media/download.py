"""Download a member's file: bounded in size and time, never from a private network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from bot.domain.http_time import parse_retry_after
from bot.i18n.text import Translatable, tr
from bot.media.dns import UNKNOWN, NameResolver
from bot.media.errors import DownloadFailed, UnknownHost, UnusableVideo
from bot.media.page_video import find_page_video
from bot.media.part_files import make_part_path
from bot.media.ssrf import NOT_A_LINK, PublicResolver, check_url

USER_AGENT = "extend-bot (a Discord bot; fetches a video that a member linked)"
"""Our own, because some hosts reject the default ones of libraries."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_TRANSIENT_STATUSES = frozenset({408, 425, 429})
_CHUNK = 1 << 18
_WRITE_BYTES = 1 << 19
"""Bytes that are buffered before they are written to disk."""
_PAGE = tr(
    "That link leads to a web page, not to a video file. Link to the file itself, or right-click (long-press) a "
    "message that shows the video and choose Apps → Extend video."
)
_PAGE_BYTES = 1 << 19
"""How much of a page is read to find its video: the head of Giphy's has 200 KB."""
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_HTML_PREFIXES = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<script")


class _PageFound(Exception):
    """The link leads to a page; :attr:`video` is the address of the video that it names, if any."""

    def __init__(self, video: str | None) -> None:
        super().__init__()
        self.video = video


class Downloader:
    """Streams files from the web to disk. Use as an async context manager; any number of downloads may run at once."""

    def __init__(
        self,
        *,
        trusted: frozenset[str] = frozenset(),
        max_bytes: int = 200_000_000,
        seconds: float = 120,
        idle_seconds: float = 20,
        resolver: AbstractResolver | None = None,
        follow_pages: bool = False,
    ) -> None:
        """Each download is bounded: `max_bytes` of body, `seconds` in total, `idle_seconds` without a byte.

        `trusted`: `host:port` pairs that may be fetched although they are private; `resolver` replaces the system's.
        `follow_pages`: of a web page, fetch the video that it names in its head.
        """
        self._trusted = frozenset(host.lower() for host in trusted)
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._idle = idle_seconds
        self._resolver = resolver
        self._follow_pages = follow_pages
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = PublicResolver(self._resolver or NameResolver(), self._trusted)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,  # a few kilobytes could unpack to gigabytes
            headers={"User-Agent": USER_AGENT, "Accept": "video/*, */*;q=0.5", "Accept-Encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._idle, sock_read=self._idle),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, url: str, into: Path, *, seconds: float | None = None) -> int:
        """Download `url` to the file `into` and return its size in bytes.

        `seconds`, the caller's remaining time, replaces the usual limit if it is shorter; it covers lookups and
        redirects. The file appears complete or not at all. Raises :class:`UnusableVideo` if the link can never work,
        and :class:`DownloadFailed` if it may work later. Neither message contains the link, which may be signed.
        """
        part = make_part_path(into)
        limit = self._seconds if seconds is None else min(self._seconds, seconds)
        try:
            async with asyncio.timeout(limit):
                size = await self._stream_video(url, part)
            await asyncio.to_thread(part.replace, into)
        except BaseException as error:
            await asyncio.to_thread(part.unlink, missing_ok=True)
            if isinstance(error, aiohttp.InvalidURL):
                raise UnusableVideo(NOT_A_LINK) from None
            if isinstance(error, aiohttp.ClientConnectorDNSError):
                raise UnknownHost(UNKNOWN) from None
            if isinstance(error, aiohttp.ClientError | HttpProcessingError | OSError):
                raise DownloadFailed(_describe_error(error)) from None
            raise
        return size

    async def _stream_video(self, url: str, part: Path) -> int:
        """Stream the file at `url`, or the one that the page at `url` names, and return its size."""
        try:
            return await self._stream_to_file(url, part)
        except _PageFound as page:
            video = page.video
        if video is None:
            raise UnusableVideo(_PAGE)
        try:
            return await self._stream_to_file(video, part)
        except _PageFound:
            raise UnusableVideo(_PAGE) from None

    async def _stream_to_file(self, url: str, part: Path) -> int:
        async with self._follow_redirects(url) as response:
            self._check_response(response)
            if response.content_type in _PAGE_TYPES:
                raise await self._read_page(response)
            size, buffer = 0, bytearray()
            # The file is closed here and not in a thread, which a cancellation could leave behind.
            with await _open_part(part) as file:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    if size == 0 and chunk.lstrip()[:16].lower().startswith(_HTML_PREFIXES):
                        raise await self._read_page(response, chunk)
                    size += len(chunk)
                    if size > self._max_bytes:
                        raise UnusableVideo(self._too_large)
                    buffer += chunk  # chunks are often small, and each write costs a switch to a thread
                    if len(buffer) >= _WRITE_BYTES:
                        await asyncio.to_thread(file.write, bytes(buffer))
                        buffer.clear()
                await asyncio.to_thread(_flush_last, file, bytes(buffer))
            return size

    async def _read_page(self, response: aiohttp.ClientResponse, begun: bytes = b"") -> _PageFound:
        page = bytearray(begun)
        while self._follow_pages and len(page) < _PAGE_BYTES and (chunk := await response.content.read(_CHUNK)):
            page += chunk
        if not self._follow_pages:
            return _PageFound(None)
        return _PageFound(await asyncio.to_thread(find_page_video, bytes(page), response.url))

    @asynccontextmanager
    async def _follow_redirects(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Request `url` and yield the response after all redirects, each of which is checked like the link itself."""
        assert self._session is not None, "use the Downloader as a context manager"  # noqa: S101 - a caller's mistake
        for _ in range(_MAX_REDIRECTS + 1):
            here = check_url(url, self._trusted)
            async with self._session.get(here, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    yield response
                    return
                url = _resolve_redirect(here, response.headers.get("Location", ""))
        raise UnusableVideo(tr("That link redirects too often. Link to the file itself."))

    @asynccontextmanager
    async def open_url(self, url: str, *, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Request `url` with `headers` and yield its own response, even a redirect. Raises :class:`UnusableVideo`."""
        assert self._session is not None, "use the Downloader as a context manager"  # noqa: S101 - a caller's mistake
        here = check_url(url, self._trusted)
        async with self._session.get(here, headers=headers, allow_redirects=False) as response:
            yield response

    def _check_response(self, response: aiohttp.ClientResponse) -> None:
        """Raise if the response's status or headers show that no usable body will follow."""
        if response.status in _TRANSIENT_STATUSES or response.status >= 500:
            raise DownloadFailed(
                tr(
                    "The server of that link answered {status}. Try again later, or attach the video.",
                    status=str(response.status),
                ),
                parse_retry_after(response.headers.get("Retry-After", ""), datetime.now(UTC)),
            )
        if response.status in {404, 410}:
            raise UnusableVideo(
                tr(
                    "There is nothing at that link ({status}). It may have expired: attach the video instead.",
                    status=str(response.status),
                )
            )
        if response.status != 200:
            raise UnusableVideo(
                tr(
                    "The server of that link refuses access to the video ({status}). Attach it instead.",
                    status=str(response.status),
                )
            )
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            raise UnusableVideo(
                tr("The server of that link compresses the video in a way that is not supported. Attach the video.")
            )
        if (response.content_length or 0) > self._max_bytes:
            raise UnusableVideo(self._too_large)

    @property
    def _too_large(self) -> Translatable:
        return tr(
            "That file is larger than {most} MB, which is the limit. Send a smaller one.",
            most=f"{self._max_bytes / 1e6:g}",
        )


async def _open_part(part: Path) -> BufferedWriter:
    """Open `part` for writing, without leaving a file open if the caller is cancelled in the meantime."""
    opening = asyncio.ensure_future(asyncio.to_thread(part.open, "wb"))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        (await opening).close()
        raise


def _flush_last(file: BufferedWriter, content: bytes) -> None:
    file.write(content)
    file.flush()


def _describe_error(error: Exception) -> Translatable:
    """Describe a failed download, without the text of `error`, which may contain the link."""
    if isinstance(error, TimeoutError):
        return tr("The server of that link was too slow. Try again later, or attach the video.")
    if isinstance(error, aiohttp.ClientPayloadError):
        return tr("The download of the video broke off. Try again, or attach the video.")
    if isinstance(error, aiohttp.ClientError | HttpProcessingError):
        return tr("The server of that link does not answer. Try again later, or attach the video.")
    return tr("There is no space to store that video at the moment. Try again later.")


def _resolve_redirect(here: URL, location: str) -> str:
    """Return the target of a redirect from `here`, spelled as the server spelled it."""
    try:
        return str(here.join(URL(location, encoded=location.isascii())))
    except (ValueError, TypeError):
        raise UnusableVideo(tr("That link redirects to an invalid address. Link to the file itself.")) from None
