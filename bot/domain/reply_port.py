"""ReplyPort: what the worker asks of whoever shows replies."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from bot.domain.task import ReplyTarget, Task


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
