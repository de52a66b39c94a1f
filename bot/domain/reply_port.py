"""The port through which the worker updates replies in Discord."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from bot.domain.errors import ExtendBotError
from bot.domain.task import ReplyTarget, Task


class ReplyUnavailable(ExtendBotError):
    """The reply cannot be updated now; retry, after `retry_after` seconds if that is known.

    `server_error`: Discord answered with a 5xx.
    """

    def __init__(self, text: str, retry_after: float | None = None, *, server_error: bool = False) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.server_error = server_error


class FileTooLarge(ExtendBotError):
    """The way that is left to the member takes files of `max_bytes` at most, less than the reply did."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"the way that is left takes {max_bytes} bytes")
        self.max_bytes = max_bytes


class Undeliverable(ExtendBotError):
    """The member cannot be reached (the channel is gone, and direct messages are closed)."""


class ReplyState(Enum):
    """What a task's reply shows in Discord."""

    RUNNING = auto()
    """No outcome yet."""
    DELIVERED = auto()
    """The finished video."""
    ENDED = auto()
    """Another outcome."""
    UNREADABLE = auto()
    """The bot cannot read it, because it was deleted or is private."""


class ReplyPort(Protocol):
    """Updates the Discord replies of tasks."""

    def update(self, task: Task, still: Path | None) -> None:
        """Schedule an update of the reply; a newer update replaces a pending one. Returns at once and never raises.

        A queued task has a `queue_position`, and `starts_at` if the start time can be estimated.
        `still`: a thumbnail of the clip, if there is one.
        """

    async def deliver(self, task: Task, result: Path | None, still: Path | None) -> ReplyTarget:
        """Show the task's outcome, and its result if there is one; return the reply that shows it.

        A result over the upload limit is shown as `still` and a link. Returns once Discord has accepted the message.
        Raises ReplyUnavailable or Undeliverable, and FileTooLarge if a smaller file could be attached.
        """

    async def is_refused(self, task: Task) -> bool:
        """Return whether a filter of the server refuses the reply. Waits briefly for the first edit to be answered."""

    def release(self, task_id: int) -> None:
        """Stop updating this task's reply, because another process took the task over."""

    async def notify(self, task: Task, *, again: bool) -> None:
        """Mention the task's member, and nobody else, after the outcome was shown.

        `again`: an earlier attempt may have succeeded. Raises ReplyUnavailable or Undeliverable.
        """

    async def delete(self, task: Task) -> bool:
        """Delete the reply; return whether it is gone now. Raises ReplyUnavailable."""

    async def read_state(self, task: Task) -> ReplyState:
        """Read what the task's reply shows. Raises ReplyUnavailable."""
