"""Events of tasks and moderation. The client posts them to servers' log channels."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.limits import GuildLimits
from bot.domain.share import Share
from bot.domain.task import Task, TaskRequest
from bot.i18n.text import Translatable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaskAccepted:
    """A member's request was accepted as a task."""

    task: Task


@dataclass(frozen=True, slots=True)
class SubmissionRefused:
    """A rule refused a member's request; no task exists."""

    order: TaskRequest
    sentence: Translatable
    allowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task reached a final state, and its outcome was shown or found undeliverable."""

    task: Task
    completed_at: datetime | None = None
    """When this process first saw that FoxAPI had completed it; None if it did not see that."""


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """A moderator changed some of a server's limits."""

    guild_id: int
    by: int
    old: GuildLimits
    new: GuildLimits

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the changed limits."""
        return tuple(name for name in GuildLimits.model_fields if getattr(self.old, name) != getattr(self.new, name))


@dataclass(frozen=True, slots=True)
class MemberModerated:
    """A moderator blocked, unblocked or granted runs to a member, or reset a 24-hour count."""

    guild_id: int
    by: int
    action: str
    """"blocked", "unblocked", "reset" or "granted"."""
    user_id: int | None
    """None: the whole server (only with "reset")."""
    runs: int = 0
    """Extra runs (only with "granted")."""


@dataclass(frozen=True, slots=True)
class ShowcaseChanged:
    """A moderator chose the server's showcase, or turned it off."""

    guild_id: int
    by: int
    channel_id: int | None
    """None: there is no showcase any more."""


@dataclass(frozen=True, slots=True)
class ShareChanged:
    """A film was posted in another channel, or that post was deleted."""

    share: Share
    by: int
    """Its creator, or a moderator who deleted it."""
    posted: bool


@dataclass(frozen=True, slots=True)
class ReplyDeleted:
    """A moderator deleted the result of another member's task."""

    task: Task
    by: int


Event = (
    TaskAccepted
    | SubmissionRefused
    | TaskEnded
    | LimitsChanged
    | MemberModerated
    | ShowcaseChanged
    | ShareChanged
    | ReplyDeleted
)


def _ignore(event: Event) -> None:
    """Do nothing."""


class EventQueue:
    """A bounded queue of events. Publishing never waits; when the queue is full, the oldest event is dropped."""

    def __init__(self, most: int = 1000, *, listener: Callable[[Event], None] = _ignore) -> None:
        """`listener` is called with every event as it is published; it must neither block nor raise."""
        self._listener = listener
        self._events: deque[Event] = deque(maxlen=most)
        self._some = asyncio.Event()

    def publish(self, event: Event) -> None:
        """Add an event; returns at once and never raises."""
        self._listener(event)
        if len(self._events) == self._events.maxlen:
            log.warning("the log channels cannot keep up: the oldest event was dropped")
        self._events.append(event)
        self._some.set()

    async def get(self) -> Event:
        """Wait for the next event and return it. Supports one consumer."""
        while not self._events:
            self._some.clear()
            await self._some.wait()
        return self._events.popleft()
