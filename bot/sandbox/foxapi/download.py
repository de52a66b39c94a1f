"""The service's own download of a `video_url`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from bot.sandbox.files import append
from bot.sandbox.foxapi.probe import UnusableClip

AGENT = {"User-Agent": "Mozilla/5.0 (compatible; stand-in FoxAPI fetcher)"}
BYTES_LIMIT = 200 * 1024 * 1024
SECONDS_LIMIT = 60.0
PART_BYTES = 256 * 1024


async def fetch(session: aiohttp.ClientSession, url: str, path: Path) -> None:
    """Write what is at `url` to `path`, bounded in size and time; raise :class:`Unfit` with the reason if it fails.

    Any address is fetched, loopback too: here the whole internet is on this machine.
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
