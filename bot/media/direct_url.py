"""Whether FoxAPI can be given a clip's own address: only one that surely serves the same file to anybody, again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from yarl import URL

from bot.media.download import Downloader
from bot.media.errors import UnusableVideo

_ATTACHMENT_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""Where attachments live; they are served to everybody, as often as wanted, for a day."""
_AGENT = {"User-Agent": "Mozilla/5.0 (compatible; video fetcher)", "Accept": "*/*"}
"""Some hosts serve a file to our own User-Agent, or to a browser's, alone."""
_SECONDS = 20.0
_COMPARED_BYTES = 1 << 16


async def is_direct_url(downloader: Downloader, url: str, fetched: Path) -> bool:
    """Whether `url` ends in .mp4 and serves the file that was `fetched` from it once more, without a redirect."""
    try:
        address = URL(url)
    except ValueError:
        return False
    if not address.raw_path.endswith(".mp4"):  # the model's maker demands it
        return False
    if address.scheme == "https" and address.host in _ATTACHMENT_HOSTS:
        return True
    try:
        async with asyncio.timeout(_SECONDS), downloader.open_url(url, headers=_AGENT) as response:
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
        return False  # a reader that wants the length beforehand would be refused
    with file.open("rb") as content:
        return content.read(len(beginning)) == beginning
