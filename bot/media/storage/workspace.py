"""A folder for each task's files, removed with the task, and a size limit on these and the stored films together."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.media.part_files import SUFFIX
from bot.media.storage.file_listing import measure_folder
from bot.media.storage.film_store import FilmStore

_SIZE_CACHE_SECONDS = 10.0
"""Seconds for which a folder's measured size is reused; a download takes about as long."""
_COPIES, _EXTRA_BYTES = 3, 30_000_000
"""Space that a task needs: its clip, the film and its compressed copy of about equal size, and FoxAPI's addition."""
_TEMPORARY_SECONDS = 3600
_RESERVED = "reserved"
"""The file in a task's folder with the number of reserved bytes; other processes may share the disk."""


class Workspaces:
    """The folders `root`/<task id>. A folder exists as long as its task is unfinished.

    Each folder counts with its reservation or its real size, whichever is larger, so that folders that are still
    filling up cannot exceed `max_bytes` together. Until the clip's size is known, the reservation allows for the
    largest clip. Stored films get the remaining space: if a new task needs it, the oldest films are deleted.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_bytes: int = 20_000_000_000,
        clip_bytes: int = 200_000_000,
        film_store: FilmStore | None = None,
    ) -> None:
        """`clip_bytes`: the size of the largest accepted clip."""
        self._root = root
        self._temporary = root.parent / "temporary"
        self.film_store = film_store or FilmStore(root.parent / "kept")
        self._max_bytes = max_bytes
        self._clip_bytes = clip_bytes
        self._measuring = asyncio.Lock()
        self._sizes: dict[str, tuple[float, int]] = {}
        """When each folder was measured, and its size: a cache, because walking a thousand folders is slow."""

    def get_path(self, task_id: int) -> Path:
        """Return the folder of the task's files, whether or not it exists."""
        return self._root / str(task_id)

    def estimate_bytes(self, clip_bytes: int) -> int:
        """Return the bytes that a task with this clip needs, at most `max_bytes`; 0: the clip's size is unknown."""
        return min(self._max_bytes, _COPIES * (clip_bytes or self._clip_bytes) + _EXTRA_BYTES)

    async def free_bytes(self) -> int:
        """Return the bytes that can still be reserved."""
        async with self._measuring:
            folders = await asyncio.to_thread(self._measure_folders)
            return self._max_bytes - sum(folders) - await asyncio.to_thread(measure_folder, self._temporary)

    async def create(self, task_id: int, needs: int) -> Path:
        """Create the task's folder if necessary and reserve `needs` bytes. The caller checks that there is space.

        Stored films are deleted to make space.
        """
        async with self._measuring:
            return await asyncio.to_thread(self._create, self.get_path(task_id), needs)

    async def set_clip_size(self, task_id: int, clip_bytes: int) -> None:
        """Replace the reservation by the one for a clip of this size, now that it is known."""
        async with self._measuring:
            await asyncio.to_thread(self._reserve, self.get_path(task_id), self.estimate_bytes(clip_bytes))

    async def drop_reservation(self, task_id: int) -> None:
        """Count the folder with its real size from now on, because nothing more will be written to it for long."""
        async with self._measuring:
            if await asyncio.to_thread(self.get_path(task_id).is_dir):
                await asyncio.to_thread(self._reserve, self.get_path(task_id), 0)

    async def remove(self, task_id: int) -> None:
        """Remove the task's folder with its content, if it exists."""
        await asyncio.to_thread(shutil.rmtree, self.get_path(task_id), ignore_errors=True)

    async def remove_stale(self, living: Collection[int]) -> int:
        """At start: remove the folders of tasks that are not in `living`, and partial files. Return the number."""
        return await asyncio.to_thread(self._remove_stale, {str(task_id) for task_id in living})

    @asynccontextmanager
    async def open_temporary(self) -> AsyncIterator[Path]:
        """Yield a folder that is removed with its content; after a crash :meth:`remove_old_temporary` does that."""
        await asyncio.to_thread(self._temporary.mkdir, parents=True, exist_ok=True)
        folder = await asyncio.to_thread(tempfile.TemporaryDirectory, dir=self._temporary)
        try:
            yield Path(folder.name)
        finally:
            await asyncio.to_thread(folder.cleanup)

    async def remove_old_temporary(self) -> None:
        """Remove the temporary folders that are older than an hour; a crash has left them."""
        await asyncio.to_thread(self._remove_old_temporary)

    async def list_ids(self) -> set[int]:
        """Return the tasks that have a folder."""
        return await asyncio.to_thread(lambda: {int(name) for name in self._list_names() if name.isdecimal()})

    async def count_used_bytes(self) -> int:
        """Return the size of all tasks' files in bytes, without stored films."""
        return await asyncio.to_thread(lambda: sum(measure_folder(folder) for folder in self._list_folders()))

    def _create(self, folder: Path, needs: int) -> Path:
        if not folder.is_dir():
            self.film_store.shrink(max(0, self._max_bytes - sum(self._measure_folders()) - needs))
            folder.mkdir(parents=True)
            self._reserve(folder, needs)
        return folder

    def _reserve(self, folder: Path, needs: int) -> None:
        (folder / _RESERVED).write_text(str(needs))
        self._sizes.pop(folder.name, None)

    def _measure_folders(self) -> list[int]:
        """Return the size that each folder counts with, measured at most some seconds ago."""
        now, before = time.monotonic(), self._sizes
        self._sizes = {
            name: known
            if (known := before.get(name)) and now - known[0] < _SIZE_CACHE_SECONDS
            else (now, self._measure(self._root / name))
            for name in self._list_names()
        }
        return [size for _, size in self._sizes.values()]

    def _measure(self, folder: Path) -> int:
        """Return the larger of size and reservation; an old folder's reservation is the largest one."""
        try:
            reserved = int((folder / _RESERVED).read_text())
        except (OSError, ValueError):
            reserved = self.estimate_bytes(0)
        return max(measure_folder(folder), reserved)

    def _list_folders(self) -> list[Path]:
        return [self._root / name for name in self._list_names()]

    def _list_names(self) -> list[str]:
        try:
            with os.scandir(self._root) as entries:  # it knows each entry's type without a call for each
                return [entry.name for entry in entries if entry.is_dir()]
        except FileNotFoundError:
            return []

    def _remove_old_temporary(self) -> None:
        for folder in self._temporary.iterdir() if self._temporary.is_dir() else ():
            with suppress(FileNotFoundError):  # its owner removes it at this moment
                if time.time() - folder.stat().st_mtime > _TEMPORARY_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)

    def _remove_stale(self, living: Collection[str]) -> int:
        dead = [folder for folder in self._list_folders() if folder.name.isdecimal() and folder.name not in living]
        for folder in dead:
            shutil.rmtree(folder, ignore_errors=True)
        for folder in self._list_folders():
            if folder.name in living:
                with suppress(FileNotFoundError):  # another process has finished the task meanwhile
                    for part in folder.glob(f"*{SUFFIX}"):
                        _remove(part)
        return len(dead)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
