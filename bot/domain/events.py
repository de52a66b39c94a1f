"""What happened, for whoever tells others: servers' log channels, through the client."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain.limits import GuildLimits
from bot.domain.task import Task, TaskRequest
from bot.i18n.text import Translatable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaskAccepted:
    """A member's order became a task."""

    task: Task


@dataclass(frozen=True, slots=True)
class SubmissionRefused:
    """A rule refused a member's order; there is no task."""

    order: TaskRequest
    sentence: Translatable
    allowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task has ended, one way or another, and its member was told (or could not be)."""

    task: Task
    completed_at: datetime | None = None
    """When FoxAPI was first seen to have completed it, if this process saw that."""


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """A moderator changed some of a server's limits."""

    guild_id: int
    by: int
    old: GuildLimits
    new: GuildLimits

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of those that are different now."""
        return tuple(name for name in GuildLimits.model_fields if getattr(self.old, name) != getattr(self.new, name))


@dataclass(frozen=True, slots=True)
class MemberModerated:
    """A moderator decided on one member, or on the server's count."""

    guild_id: int
    by: int
    action: str
    """"blocked", "unblocked", "reset" or "granted"."""
    user_id: int | None
    """None: the whole server (only for "reset")."""
    runs: int = 0
    """Extra runs, for "granted"."""


Event = TaskAccepted | SubmissionRefused | TaskEnded | LimitsChanged | MemberModerated


def _ignore(event: Event) -> None:
    """Nobody listens."""


class EventQueue:
    """A bounded queue of events. Telling is never waited for; what nobody takes in time is dropped, oldest first."""

    def __init__(self, most: int = 1000, *, listener: Callable[[Event], None] = _ignore) -> None:
        """`listener` hears every event at once, whoever takes it; it may neither wait nor raise."""
        self._listener = listener
        self._events: deque[Event] = deque(maxlen=most)
        self._some = asyncio.Event()

    def publish(self, event: Event) -> None:
        """Say that something happened; returns at once and never raises."""
        self._listener(event)
        if len(self._events) == self._events.maxlen:
            log.warning("the log channels cannot keep up: an event is dropped")
        self._events.append(event)
        self._some.set()

    async def get(self) -> Event:
        """The oldest event that was not taken yet, once there is one. For one taker at a time."""
        while not self._events:
            self._some.clear()
            await self._some.wait()
        return self._events.popleft()
