"""Files that are sent to Discord: opened off the event loop, read while they are sent, and always closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import discord


@asynccontextmanager
async def open_files(*files: tuple[Path, str]) -> AsyncIterator[list[discord.File]]:
    """These files, each under a name, for one request. Raises OSError if one cannot be opened."""
    ready: list[discord.File] = []
    try:
        for path, name in files:
            ready.append(await _open_file(path, name))
        yield ready
    finally:
        for file in ready:
            file.close()


async def _open_file(path: Path, name: str) -> discord.File:
    """Open one; whoever is cancelled meanwhile leaves no open file behind."""
    opening = asyncio.ensure_future(asyncio.to_thread(discord.File, path, name))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(OSError):
            (await opening).close()
        raise
