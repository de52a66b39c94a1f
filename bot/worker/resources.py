"""What the runner works with, and what it asks of the screen (whoever shows tasks to people)."""

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
from bot.worker.throttle import CircuitBreaker, RateLimiter
from bot.worker.timeouts import Timeouts


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """A task's files under DATA_DIR."""

    folder: Path

    @property
    def clip(self) -> Path:
        """What the member gave, as fetched."""
        return self.folder / "clip"

    @property
    def converted(self) -> Path:
        """What was prepared of it for FoxAPI, if it was not fit as it is."""
        return self.folder / "fit.mp4"

    @property
    def thumbnail(self) -> Path:
        """A small picture of it."""
        return self.folder / "still.jpg"

    @property
    def result(self) -> Path:
        """What FoxAPI made."""
        return self.folder / "result.mp4"

    @property
    def joined(self) -> Path:
        """What was made of clip and result, if the result alone is not what was ordered."""
        return self.folder / "film.mp4"

    @property
    def compressed(self) -> Path:
        """The same, encoded once more to fit an upload limit."""
        return self.folder / "small.mp4"

    def final(self) -> Path | None:
        """The file that the member gets, once all is made. Reads the disk."""
        return next((file for file in (self.compressed, self.joined, self.result) if file.is_file()), None)


def _count_nothing(state: TaskState) -> None:
    """Nobody counts unexpected errors."""


@dataclass(frozen=True, slots=True)
class JobResources:
    """Everything that a job needs; time and chance come in here."""

    store: Store
    fox: FoxAPI
    clips: Downloader
    """Fetches what members give."""
    results: Downloader
    """Fetches what FoxAPI made."""
    ffmpeg: Ffmpeg
    reply_port: ReplyPort
    workspaces: Workspaces
    poll_seconds: float
    operator_limits: OperatorLimits
    server_running: int
    """How many tasks of a server that has set no limits may be at work at once; 0: no limit."""
    grace: timedelta
    """For which the rows of a server that the bot has left are kept."""
    events: EventQueue
    now: Callable[[], datetime]
    random: random.Random
    circuit_breaker: CircuitBreaker
    rate_limiter: RateLimiter
    """Of queries, which come often; what is paid for is bounded by `roofs`."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    keep: timedelta = timedelta(days=7)
    """How long a film stays on disk after it was delivered."""
    keep_rows: timedelta = timedelta(0)
    """How long a finished task's record is kept; 0: for ever."""

    unexpected_error: Callable[[TaskState], None] = _count_nothing
    """Told of each unexpected error, with the state of the task whose step it ended."""

    def files(self, task: Task) -> TaskFiles:
        """The task's own folder."""
        return TaskFiles(self.workspaces.path(task.id))
