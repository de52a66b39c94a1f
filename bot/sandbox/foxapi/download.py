"""Downloads a `video_url`, as the service does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from bot.sandbox.files import append
from bot.sandbox.foxapi.probe import UnusableClip

AGENT = {"User-Agent": "Mozilla/5.0 (compatible; fake FoxAPI fetcher)"}
BYTES_LIMIT = 200 * 1024 * 1024
SECONDS_LIMIT = 60.0
PART_BYTES = 256 * 1024


async def fetch(session: aiohttp.ClientSession, url: str, path: Path) -> None:
    """Download `url` to `path`, bounded in size and time; raise :class:`UnusableClip` with the reason if it fails.

    Loopback addresses are allowed: the sandbox runs on one machine.
    """
    try:
        async with asyncio.timeout(SECONDS_LIMIT), session.get(url, headers=AGENT, allow_redirects=False) as answer:
            if answer.status != 200:
                raise UnusableClip(f"video_url could not be fetched: HTTP {answer.status}")
            await _store(answer.content, path)
    except TimeoutError as error:
        raise UnusableClip("video_url could not be fetched in time") from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise UnusableClip(f"video_url could not be fetched: {type(error).__name__}") from error


async def _store(content: aiohttp.StreamReader, path: Path) -> None:
    size = 0
    await asyncio.to_thread(path.touch)
    async for part in content.iter_chunked(PART_BYTES):
        size += len(part)
        if size > BYTES_LIMIT:
            raise UnusableClip(f"video_url is larger than {BYTES_LIMIT // 1024**2} MB")
        await asyncio.to_thread(append, path, part)
