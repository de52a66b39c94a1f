"""A renderer for load tests that renders nothing: each task takes a random time and returns the same finished video.

The bot sees the same responses, and the machine's cores are left to the bot.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.foxapi.tasks import Task

_SPREAD = 0.2
"""Standard deviation of the log of the durations: with a median of 30 s, about 95 of 100 tasks take 20 to 45 s."""


@dataclass(frozen=True, slots=True)
class Prerendered:
    """The renderer's input: `film` for every task, after about `seconds`; `seed` makes runs repeatable."""

    film: Path
    seconds: float
    seed: int = 0
    steps: int = 20
    """Progress updates per task; 1: none before the end."""


class PrerenderedQueue:
    """A :class:`~bot.sandbox.foxapi.render_queue.Renderer`; `link` makes the URL of a result file."""

    def __init__(self, folder: Path, link: Callable[[Path], str], source: Prerendered) -> None:
        self._film = folder / "prerendered.mp4"
        self._link = link
        self._source = source
        self._random = random.Random(source.seed)  # noqa: S311 (it draws lengths)
        self._timers: dict[str, asyncio.TimerHandle] = {}

    async def open(self) -> None:
        """Copy the film to the results folder."""
        await asyncio.to_thread(shutil.copyfile, self._source.film, self._film)

    def enqueue(self, task: Task) -> None:
        """Start `task` at once, without a limit on concurrency."""
        seconds = self._source.seconds * self._random.lognormvariate(0, _SPREAD) * task.quirks.slower
        # Progress that runs ahead or lags behind, as a real encoder's does.
        bend = self._random.uniform(0.7, 1.4)
        task.status = "processing"
        self._schedule(task, 1, seconds, bend)

    async def close(self) -> None:
        """Cancel all tasks."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _schedule(self, task: Task, step: int, seconds: float, bend: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers[task.id] = loop.call_later(seconds / self._source.steps, self._advance, task, step, seconds, bend)

    def _advance(self, task: Task, step: int, seconds: float, bend: float) -> None:
        if step == self._source.steps:
            del self._timers[task.id]
            task.complete(self._link(self._film))
            return
        task.progress = int(100 * (step / self._source.steps) ** bend)
        self._schedule(task, step + 1, seconds, bend)
