"""Names and opens files for upload to Discord: outside the event loop, and always closed afterwards."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import discord

from bot.domain.task import Task
from cogs.common.embeds import truncate
from cogs.common.formatting import THUMBNAIL_NAME, remove_direction_marks

_SPOILER_PREFIX = "SPOILER_"
"""Discord hides an attached file with this prefix until it is clicked (Discord docs, Uploading Files)."""
_CLIP_MAX, _PROMPT_MAX = 24, 40
"""Characters of a clip's name and of a prompt in the name of a file."""
_DESCRIPTION_MAX = 1024
"""Discord docs, Attachment Object."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, the name under which it is uploaded, and its alternative text for those who cannot see it."""

    path: Path
    name: str
    description: str | None = None


def make_film_upload(task: Task, film: Path, *, with_prompt: bool = True) -> Upload:
    """Name a task's video after its clip and its prompt, as `holiday_the-sun-comes-out.mp4`; a spoiler stays one.

    `with_prompt`: False where the prompt is hidden or was refused by a filter; then the name tells nothing about it.
    Letters outside ASCII are left out, because Discord removes them from file names.
    """
    name = f"film-{task.id}"
    if with_prompt:
        order = task.order
        clip = _slug(PurePosixPath(order.source_name).stem.removeprefix(_SPOILER_PREFIX), _CLIP_MAX)
        parts = ["" if order.part > 1 else clip, _slug(order.prompt, _PROMPT_MAX)]
        if order.part > 1:
            parts.append(f"part-{order.part}")
        name = "_".join(filter(None, parts)) or name
    prefix = _SPOILER_PREFIX if task.order.spoiler else ""
    return Upload(film, f"{prefix}{name}.mp4", _describe(task) if with_prompt else None)


def make_thumbnail_upload(task: Task, thumbnail: Path, *, with_prompt: bool = True) -> Upload:
    """Name a task's thumbnail as the cards refer to it."""
    return Upload(thumbnail, THUMBNAIL_NAME, _describe(task) if with_prompt else None)


def is_film_name(filename: str) -> bool:
    """Whether a file of this name in a message of the bot is a task's video."""
    return filename.endswith(".mp4")


@asynccontextmanager
async def open_files(*uploads: Upload) -> AsyncIterator[list[discord.File]]:
    """Open the files for one request. Raises OSError if one cannot be opened."""
    ready: list[discord.File] = []
    try:
        for upload in uploads:
            ready.append(await _open_file(upload))  # noqa: PERF401 (a failure must leave the others to be closed)
        yield ready
    finally:
        for file in ready:
            file.close()


async def exists(path: Path | None) -> bool:
    """Return whether there is such a file."""
    return path is not None and await asyncio.to_thread(path.is_file)


def _slug(text: str, limit: int) -> str:
    """Return the words in ASCII letters and digits, joined by hyphens; whole words, if the first one fits."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if len(words) <= limit:
        return words
    return words[: limit + 1].rpartition("-")[0] or words[:limit]


def _describe(task: Task) -> str:
    return truncate(remove_direction_marks(" ".join(task.order.prompt.split())), _DESCRIPTION_MAX)


async def _open_file(upload: Upload) -> discord.File:
    """Open one file in a thread; if cancelled meanwhile, close it."""
    name, description = upload.name, upload.description
    opening = asyncio.ensure_future(asyncio.to_thread(discord.File, upload.path, name, description=description))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(OSError):
            (await opening).close()
        raise
