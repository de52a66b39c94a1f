"""What happened, for whoever tells others: servers' log channels, through the client."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from bot.phrase import Phrase
from bot.rules import Limits
from bot.task import Order, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaskAccepted:
    """A member's order became a task."""

    task: Task


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """A rule refused a member's order; there is no task."""

    order: Order
    sentence: Phrase
    allowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task has ended, one way or another, and its member was told (or could not be)."""

    task: Task


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """A moderator changed some of a server's limits."""

    guild_id: int
    by: int
    old: Limits
    new: Limits

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of those that are different now."""
        return tuple(name for name in Limits.model_fields if getattr(self.old, name) != getattr(self.new, name))


@dataclass(frozen=True, slots=True)
class MemberRuled:
    """A moderator decided on one member, or on the server's count."""

    guild_id: int
    by: int
    deed: str
    """"blocked", "unblocked", "reset" or "granted"."""
    user_id: int | None
    """None: the whole server (only for "reset")."""
    runs: int = 0
    """Extra runs, for "granted"."""


Event = TaskAccepted | OrderRefused | TaskEnded | LimitsChanged | MemberRuled


class News:
    """A bounded queue of events. Telling is never waited for; what nobody takes in time is dropped, oldest first."""

    def __init__(self, most: int = 1000) -> None:
        self._events: deque[Event] = deque(maxlen=most)
        self._some = asyncio.Event()

    def tell(self, event: Event) -> None:
        """Say that something happened; returns at once and never raises."""
        if len(self._events) == self._events.maxlen:
            log.warning("the log channels cannot keep up: an event is dropped")
        self._events.append(event)
        self._some.set()

    async def next(self) -> Event:
        """The oldest event that was not taken yet, once there is one. For one taker at a time."""
        while not self._events:
            self._some.clear()
            await self._some.wait()
        return self._events.popleft()
