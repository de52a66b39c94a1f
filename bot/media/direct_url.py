"""Decide whether FoxAPI can be given a clip's own URL: only if anyone can fetch the same file from it again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from yarl import URL

from bot.media.download import Downloader
from bot.media.errors import UnusableVideo

_ATTACHMENT_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""Discord's hosts of attachments, which are served to anyone for a day."""
_HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; video fetcher)", "Accept": "*/*"}
"""Some hosts serve a file only to our own User-Agent, or only to a browser's."""
_TIMEOUT = 20.0
_COMPARED_BYTES = 1 << 16


async def is_direct_url(downloader: Downloader, url: str, fetched: Path) -> bool:
    """Whether `url` ends in .mp4 and serves the file `fetched` from it again, without a redirect."""
    try:
        address = URL(url)
    except ValueError:
        return False
    if not address.raw_path.endswith(".mp4"):  # required by the model's maker
        return False
    if address.scheme == "https" and address.host in _ATTACHMENT_HOSTS:
        return True
    try:
        async with asyncio.timeout(_TIMEOUT), downloader.open_url(url, headers=_HEADERS) as response:
            if response.status != 200:
                return False
            beginning = await response.content.readexactly(
                min(_COMPARED_BYTES, response.content_length or _COMPARED_BYTES)
            )
            length = response.content_length
    except (UnusableVideo, TimeoutError, aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
        return False
    return await asyncio.to_thread(_has_content, fetched, beginning, length)


def _has_content(file: Path, beginning: bytes, length: int | None) -> bool:
    if length is None or file.stat().st_size != length:
        return False  # a client that needs the length in advance would fail
    with file.open("rb") as content:
        return content.read(len(beginning)) == beginning
