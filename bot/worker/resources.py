"""JobResources and TaskFiles: what the worker's jobs work with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bot.domain.events import EventQueue
from bot.domain.limits import OperatorLimits
from bot.domain.reply_port import ReplyPort
from bot.domain.task import Task, TaskState
from bot.foxapi import FoxAPI
from bot.media import Downloader, Ffmpeg, Workspaces
from bot.store import Store
from bot.worker.circuit_breaker import CircuitBreaker
from bot.worker.throttle import RateLimiter
from bot.worker.timeouts import Timeouts


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """A task's files under DATA_DIR."""

    folder: Path

    @property
    def clip(self) -> Path:
        """The member's clip as downloaded."""
        return self.folder / "clip"

    @property
    def converted(self) -> Path:
        """The clip converted for FoxAPI, if FoxAPI would refuse the original."""
        return self.folder / "fit.mp4"

    @property
    def thumbnail(self) -> Path:
        """A thumbnail of the clip."""
        return self.folder / "still.jpg"

    @property
    def result(self) -> Path:
        """FoxAPI's result as downloaded."""
        return self.folder / "result.mp4"

    @property
    def joined(self) -> Path:
        """Clip and result joined, if the result alone is not what was ordered."""
        return self.folder / "film.mp4"

    @property
    def compressed(self) -> Path:
        """The file to deliver, encoded again to fit an upload limit."""
        return self.folder / "small.mp4"

    def final(self) -> Path | None:
        """Return the file that the member gets, once it is assembled. Reads the disk."""
        return next((file for file in (self.compressed, self.joined, self.result) if file.is_file()), None)


def _count_nothing(state: TaskState) -> None:
    """Ignore an unexpected error, if no metric counts them."""


@dataclass(frozen=True, slots=True)
class JobResources:
    """Everything that a job needs, its clock and its random generator included."""

    store: Store
    fox: FoxAPI
    clips: Downloader
    """Downloads members' clips."""
    results: Downloader
    """Downloads FoxAPI's results."""
    ffmpeg: Ffmpeg
    reply_port: ReplyPort
    workspaces: Workspaces
    poll_seconds: float
    operator_limits: OperatorLimits
    server_running: int
    """How many tasks may run at once in a server that has set no limits; 0: no limit."""
    grace: timedelta
    """How long the rows of a server that the bot has left are kept."""
    events: EventQueue
    now: Callable[[], datetime]
    random: random.Random
    circuit_breaker: CircuitBreaker
    rate_limiter: RateLimiter
    """For polls, which are frequent; submissions are bounded by `operator_limits`."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    keep: timedelta = timedelta(days=7)
    """How long a film is kept on disk after its delivery."""
    keep_rows: timedelta = timedelta(0)
    """How long a finished task's row is kept; 0: for ever."""

    unexpected_error: Callable[[TaskState], None] = _count_nothing
    """Called for each unexpected error in a step, with the state of the task."""

    def get_files(self, task: Task) -> TaskFiles:
        """Return the paths in the task's own folder."""
        return TaskFiles(self.workspaces.get_path(task.id))
