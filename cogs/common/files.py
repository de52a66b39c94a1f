"""Opens files for upload to Discord: outside the event loop, and always closed afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import discord


@asynccontextmanager
async def open_files(*files: tuple[Path, str]) -> AsyncIterator[list[discord.File]]:
    """Open the files, each under the given name, for one request. Raises OSError if one cannot be opened."""
    ready: list[discord.File] = []
    try:
        for path, name in files:
            ready.append(await _open_file(path, name))
        yield ready
    finally:
        for file in ready:
            file.close()


async def exists(path: Path | None) -> bool:
    """Return whether there is such a file."""
    return path is not None and await asyncio.to_thread(path.is_file)


async def _open_file(path: Path, name: str) -> discord.File:
    """Open one file in a thread; if cancelled meanwhile, close it."""
    opening = asyncio.ensure_future(asyncio.to_thread(discord.File, path, name))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(OSError):
            (await opening).close()
        raise
