"""A folder of its own for each task's files, gone when the task is; and a bound on them and all kept films together."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from bot.media.errors import Unreachable
from bot.media.shelf import Shelf
from bot.phrase import say

_REMEASURED = 10.0
"""Seconds for which a folder's size is believed; a download takes about as long."""
_FULL = say("I have too many videos in work to take another one at the moment; try again in a few minutes.")


class Folders:
    """The folders `root`/<task id>. A folder that exists stands for a task that has not ended.

    Each one counts as `each_bytes` or as what is really in it, whichever is more, so that folders which are still
    filling up cannot go over `most_bytes` together. The films on the `shelf` get what room is left: where a new task
    needs it, the oldest ones go.
    """

    def __init__(
        self,
        root: Path,
        *,
        most_bytes: int = 20_000_000_000,
        each_bytes: int = 500_000_000,
        shelf: Shelf | None = None,
    ) -> None:
        self._root = root
        self.shelf = shelf or Shelf(root.parent / "kept")
        self._most = most_bytes
        self._each = each_bytes
        self._opening = asyncio.Lock()
        self._sizes: dict[Path, tuple[float, int]] = {}
        """When a folder was last measured, and its bytes then: a thousand of them are not walked for each new one."""

    def at(self, task_id: int) -> Path:
        """Where the task's files are, whether or not there are any."""
        return self._root / str(task_id)

    async def open(self, task_id: int) -> Path:
        """The task's folder, made if need be. Raises :class:`Unreachable` while there is no room for one more."""
        async with self._opening:
            return await asyncio.to_thread(self._open, self.at(task_id))

    async def remove(self, task_id: int) -> None:
        """Remove the task's folder with all that is in it, if there is one."""
        await asyncio.to_thread(shutil.rmtree, self.at(task_id), ignore_errors=True)

    async def sweep(self, living: Collection[int]) -> int:
        """At start: remove the folders of all tasks but the `living`, and half-written files; says how many folders."""
        return await asyncio.to_thread(self._sweep, {str(task_id) for task_id in living})

    async def ids(self) -> set[int]:
        """The tasks that have a folder."""
        return await asyncio.to_thread(lambda: {int(each.name) for each in self._folders() if each.name.isdecimal()})

    async def used(self) -> int:
        """The bytes that all tasks' files take up, kept films not counted."""
        return await asyncio.to_thread(lambda: sum(_size(folder) for folder in self._folders()))

    def _open(self, folder: Path) -> Path:
        if not folder.is_dir():
            needed = sum(max(size, self._each) for size in self._measured()) + self._each
            if needed > self._most:
                raise Unreachable(_FULL, retry_after=60)
            self.shelf.shrink(self._most - needed)
            folder.mkdir(parents=True)
        return folder

    def _measured(self) -> list[int]:
        """The bytes of each folder, as they were some seconds ago."""
        now, before = time.monotonic(), self._sizes
        self._sizes = {
            folder: known if (known := before.get(folder)) and now - known[0] < _REMEASURED else (now, _size(folder))
            for folder in self._folders()
        }
        return [size for _, size in self._sizes.values()]

    def _folders(self) -> list[Path]:
        return [path for path in self._root.iterdir() if path.is_dir()] if self._root.is_dir() else []

    def _sweep(self, living: Collection[str]) -> int:
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
