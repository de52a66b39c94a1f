"""A workshop that renders nothing: every task takes its own time, and its video is one that was made before.

For measuring the bot under load: what the bot sees is the same, and the machine's cores are the bot's.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.foxapi.tasks import Task

_STEPS = 20
"""Times at which a task's progress is moved on."""
_SPREAD = 0.2
"""Of the logarithm of the lengths: of a hundred tasks whose median is 30 s, about 95 take 20 to 45 s."""


@dataclass(frozen=True, slots=True)
class Prerendered:
    """What such a workshop serves: `film` for every task, after about `seconds`; `seed` makes runs alike."""

    film: Path
    seconds: float
    seed: int = 0


class PrerenderedQueue:
    """Has the face of :class:`~bot.sandbox.foxapi.render_queue.RenderQueue`; `link` makes a result file's address."""

    def __init__(self, folder: Path, link: Callable[[Path], str], canned: Prerendered) -> None:
        self._film = folder / "canned.mp4"
        self._link = link
        self._canned = canned
        self._random = random.Random(canned.seed)  # noqa: S311 (it draws lengths)
        self._timers: dict[str, asyncio.TimerHandle] = {}

    async def open(self) -> None:
        """Put the film where the server's shelf finds it."""
        await asyncio.to_thread(shutil.copyfile, self._canned.film, self._film)

    def enqueue(self, task: Task) -> None:
        """Begin with `task` at once, whatever else is under way."""
        seconds = self._canned.seconds * self._random.lognormvariate(0, _SPREAD) * task.quirks.slower
        # Progress that runs ahead or lags behind, as real encoders' does: its speed misleads whoever believes it.
        bend = self._random.uniform(0.7, 1.4)
        task.status = "processing"
        self._schedule(task, 1, seconds, bend)

    async def close(self) -> None:
        """Drop all work."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _schedule(self, task: Task, step: int, seconds: float, bend: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers[task.id] = loop.call_later(seconds / _STEPS, self._move_on, task, step, seconds, bend)

    def _move_on(self, task: Task, step: int, seconds: float, bend: float) -> None:
        if step == _STEPS:
            del self._timers[task.id]
            task.complete(self._link(self._film))
            return
        task.progress = int(100 * (step / _STEPS) ** bend)
        self._schedule(task, step + 1, seconds, bend)
