"""What the runner works with, and what it asks of the screen (whoever shows tasks to people)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from bot.foxapi import FoxAPI
from bot.media import Downloader, Ffmpeg, Workspaces
from bot.news import EventQueue
from bot.rules import OperatorLimits
from bot.runner.pace import RateLimiter
from bot.runner.pause import CircuitBreaker
from bot.store import Store
from bot.task import ReplyTarget, Task, TaskState


class ReplyUnavailable(Exception):
    """The screen could not be reached; try again, after `retry_after` seconds if that is known."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Undeliverable(Exception):
    """No way is left by which the member could be told (the channel is gone, and direct messages are closed)."""


class ReplyState(Enum):
    """What a task's reply shows."""

    RUNNING = auto()
    """No end yet."""
    DELIVERED = auto()
    """The film."""
    ENDED = auto()
    """Another end."""
    UNREADABLE = auto()
    """It is gone, or it is private: the bot cannot look at it."""


class ReplyPort(Protocol):
    """Where members see their tasks."""

    def update(self, task: Task, still: Path | None) -> None:
        """Bring the reply up to date soon; the newest task shown wins. Returns at once and never raises.

        A task in line has its `turn`, and `starts_at` where that can be told.
        `still`: a small picture of the clip, where there is such a file.
        """

    async def deliver(self, task: Task, result: Path | None, still: Path | None) -> ReplyTarget:
        """Put the task's end, and its result if there is one, where the member sees it; return where that was.

        A result that is over the place's upload limit is shown by `still` and a link. Returns once Discord has taken
        it. Raises NotNow or NoWay.
        """

    def release(self, task_id: int) -> None:
        """Another process shows this task from now on."""

    async def notify(self, task: Task, *, again: bool) -> None:
        """Notify the task's member, and nobody else, that the end stands in the reply.

        `again`: it was tried before, and may have arrived. Raises NotNow or NoWay.
        """

    async def delete(self, task: Task) -> bool:
        """Delete the message that shows the task; say whether it is gone now. Raises NotNow."""

    async def read_state(self, task: Task) -> ReplyState:
        """Read what the task's reply shows, and change nothing. Raises NotNow."""


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


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for what, in seconds."""

    clip_download: float = 120
    """For the member's clip to be fetched: look-ups, redirects and new tries included."""
    download: float = 180
    """For one download of a result."""
    download_idle: float = 20
    """For the next byte of a download."""
    submit_total: float = 3600
    """For FoxAPI to take what it surely has not taken yet: a prepared clip, or a task."""
    upload: float = 120
    """For FoxAPI's answer to an upload, once all of it is sent."""
    submit_response: float = 90
    """For FoxAPI's answer to the paid request; after it nobody knows whether it was taken."""
    poll_response: float = 20
    """For FoxAPI's answer to a query."""
    result_link: float = 600
    """For the result's link to appear after `completed`."""
    task_unknown: float = 300
    """For FoxAPI to know its own task again."""
    no_progress: float = 3600
    """For progress, while FoxAPI does answer."""
    overdue_poll: float = 600
    """Between two queries of an overdue task."""
    deadline: float = 24 * 3600
    """From sending to giving up for good: as long as FoxAPI's links live."""
    shutdown: float = 8
    """For a paid request or a delivery under way when the bot is stopped."""
    first_gap: float = 1
    """Before the first new try of anything; the gaps grow from there."""
    undeliverable_retry: float = 3600
    """Between two tries to deliver a result when no way to its member is open."""
    unexpected: float = 1200
    """The longest gap between two tries of a paid task that an unexpected error keeps from its end."""
    slot: float = 2
    """Between two looks whether there is a slot again for a task that gave its own away while it waited."""
    queue_scan: float = 5
    """Between two looks at the line: slots may become free without a word, and those who wait see where they are."""
    retention: float = 3600
    """Between two times of taking away what is to be kept no longer."""


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
