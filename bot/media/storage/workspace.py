"""A folder of its own for each task's files, gone when the task is; and a bound on them and all kept films together."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from bot.media.storage.film_store import FilmStore

_SIZE_CACHE_SECONDS = 10.0
"""Seconds for which a folder's size is believed; a download takes about as long."""
_COPIES, _EXTRA_BYTES = 3, 30_000_000
"""What a task needs: its clip, and the film and its smaller copy of about the same size; and what FoxAPI adds."""
_RESERVED = "reserved"
"""The file in a task's folder that says how many bytes are kept free for it; other processes may share the disk."""


class Workspaces:
    """The folders `root`/<task id>. A folder that exists stands for a task that has not ended.

    Each one counts as what is reserved for it or as what is really in it, whichever is more, so that folders which are
    still filling up cannot go over `max_bytes` together. The reservation is as large as the largest clip demands until
    the clip's size is known. The films on the `shelf` get what room is left: where a new task needs it, the oldest ones
    go.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_bytes: int = 20_000_000_000,
        clip_bytes: int = 200_000_000,
        film_store: FilmStore | None = None,
    ) -> None:
        """`clip_bytes`: the largest clip's."""
        self._root = root
        self.film_store = film_store or FilmStore(root.parent / "kept")
        self._most = max_bytes
        self._clip = clip_bytes
        self._measuring = asyncio.Lock()
        self._sizes: dict[Path, tuple[float, int]] = {}
        """When a folder was last measured, and what it counted as: a thousand are not walked for each new one."""

    def path(self, task_id: int) -> Path:
        """Where the task's files are, whether or not there are any."""
        return self._root / str(task_id)

    def bytes_needed(self, clip_bytes: int) -> int:
        """The bytes that a task with such a clip needs; 0: the clip's size is not known. Never more than there are."""
        return min(self._most, _COPIES * (clip_bytes or self._clip) + _EXTRA_BYTES)

    async def free_bytes(self) -> int:
        """The bytes that may still be reserved."""
        async with self._measuring:
            return self._most - sum(await asyncio.to_thread(self._folder_sizes))

    async def create(self, task_id: int, needs: int) -> Path:
        """Make the task's folder if need be, with so many bytes reserved; whether there is room is the caller's care.

        Kept films make room for it.
        """
        async with self._measuring:
            return await asyncio.to_thread(self._create, self.path(task_id), needs)

    async def set_clip_size(self, task_id: int, clip_bytes: int) -> None:
        """Reserve what a clip of that size needs in place of what was reserved before it was known."""
        async with self._measuring:
            await asyncio.to_thread(self._reserve, self.path(task_id), self.bytes_needed(clip_bytes))

    async def remove(self, task_id: int) -> None:
        """Remove the task's folder with all that is in it, if there is one."""
        await asyncio.to_thread(shutil.rmtree, self.path(task_id), ignore_errors=True)

    async def remove_stale(self, living: Collection[int]) -> int:
        """At start: remove the folders of all tasks but the `living`, and half-written files; says how many folders."""
        return await asyncio.to_thread(self._remove_stale, {str(task_id) for task_id in living})

    async def list_ids(self) -> set[int]:
        """The tasks that have a folder."""
        return await asyncio.to_thread(lambda: {int(each.name) for each in self._folders() if each.name.isdecimal()})

    async def used_bytes(self) -> int:
        """The bytes that all tasks' files take up, kept films not counted."""
        return await asyncio.to_thread(lambda: sum(_size(folder) for folder in self._folders()))

    def _create(self, folder: Path, needs: int) -> Path:
        if not folder.is_dir():
            self.film_store.shrink(max(0, self._most - sum(self._folder_sizes()) - needs))
            folder.mkdir(parents=True)
            self._reserve(folder, needs)
        return folder

    def _reserve(self, folder: Path, needs: int) -> None:
        (folder / _RESERVED).write_text(str(needs))
        self._sizes.pop(folder, None)

    def _folder_sizes(self) -> list[int]:
        """What each folder counts as, as it was some seconds ago."""
        now, before = time.monotonic(), self._sizes
        self._sizes = {
            folder: known
            if (known := before.get(folder)) and now - known[0] < _SIZE_CACHE_SECONDS
            else (now, self._measure(folder))
            for folder in self._folders()
        }
        return [size for _, size in self._sizes.values()]

    def _measure(self, folder: Path) -> int:
        """What is in it or reserved for it; the largest clip's need where that cannot be read (as in older folders)."""
        try:
            reserved = int((folder / _RESERVED).read_text())
        except (OSError, ValueError):
            reserved = self.bytes_needed(0)
        return max(_size(folder), reserved)

    def _folders(self) -> list[Path]:
        return [path for path in self._root.iterdir() if path.is_dir()] if self._root.is_dir() else []

    def _remove_stale(self, living: Collection[str]) -> int:
        dead = [folder for folder in self._folders() if folder.name.isdecimal() and folder.name not in living]
        for folder in dead:
            shutil.rmtree(folder, ignore_errors=True)
        for folder in self._folders():
            if folder.name in living:
                for part in folder.glob("*.part"):
                    part.unlink(missing_ok=True)
        return len(dead)


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.lstat().st_size
        except FileNotFoundError:
            continue  # it was removed meanwhile
    return total
