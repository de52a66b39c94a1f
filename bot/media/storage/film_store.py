"""Stores delivered films for a while, so that they can be delivered again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.media.storage.file_listing import list_files, measure_folder

FILM, THUMBNAIL = ".mp4", ".jpg"


class FilmStore:
    """The films `root`/<task id>.mp4, each with an optional thumbnail <task id>.jpg.

    A film's modification time is the time at which it was stored. :class:`bot.media.Workspaces` limits the total size.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def get_film_path(self, task_id: int) -> Path:
        """Return the path of the task's film, whether or not it exists."""
        return self._root / f"{task_id}{FILM}"

    def get_thumbnail_path(self, task_id: int) -> Path:
        """Return the path of the film's thumbnail, whether or not it exists."""
        return self._root / f"{task_id}{THUMBNAIL}"

    async def find_film(self, task_id: int) -> Path | None:
        """Return the task's film, or None."""
        return await _find_file(self.get_film_path(task_id))

    async def find_thumbnail(self, task_id: int) -> Path | None:
        """Return the film's thumbnail, or None."""
        return await _find_file(self.get_thumbnail_path(task_id))

    async def save(self, task_id: int, film: Path, thumbnail: Path, now: datetime) -> None:
        """Move these files (`thumbnail` if it exists) from a folder on the same disk. Raises OSError."""
        await asyncio.to_thread(self._save, task_id, film, thumbnail, now)

    async def check_access(self) -> None:
        """Check that the remote store, if there is one, can be used. Raises StorageError."""

    async def delete(self, task_ids: Collection[int]) -> None:
        """Delete the films and thumbnails of these tasks. Raises OSError."""
        await asyncio.to_thread(self._delete, task_ids)

    async def list_ids(self) -> dict[int, datetime]:
        """Return the tasks that have a film, oldest first, with the time at which it was stored."""
        return await asyncio.to_thread(self._list_ids)

    def get_size(self) -> int:
        """Return the size of all files in bytes. Reads the disk."""
        return measure_folder(self._root)

    def shrink(self, max_bytes: int) -> None:
        """Delete the oldest films until all files take up at most `max_bytes`. Changes the disk."""
        if self.get_size() <= max_bytes:
            return
        for task_id in self._list_ids():
            if self.get_size() <= max_bytes:
                return
            self._delete([task_id])

    def _save(self, task_id: int, film: Path, thumbnail: Path, now: datetime) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        if thumbnail.is_file():
            thumbnail.replace(self.get_thumbnail_path(task_id))
        os.utime(film, (now.timestamp(), now.timestamp()))
        film.replace(self.get_film_path(task_id))

    def _delete(self, task_ids: Iterable[int]) -> None:
        for task_id in task_ids:
            self.get_thumbnail_path(task_id).unlink(missing_ok=True)
            self.get_film_path(task_id).unlink(missing_ok=True)

    def _list_ids(self) -> dict[int, datetime]:
        since = {
            int(path.stem): datetime.fromtimestamp(status.st_mtime, UTC)
            for path, status in list_files(self._root)
            if path.suffix == FILM and path.stem.isdecimal()
        }
        return dict(sorted(since.items(), key=lambda each: (each[1], each[0])))


async def _find_file(path: Path) -> Path | None:
    return path if await asyncio.to_thread(path.is_file) else None


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Address and credentials of an S3-compatible bucket."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    """URL of the service; empty: Amazon's own."""
    region: str = "us-east-1"
    key_id: str = ""
    secret: str = field(default="", repr=False)
