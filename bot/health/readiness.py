"""Whether the bot lives (its loop turns) and is ready (the gateway is connected, the store takes writes)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.store import Store

log = logging.getLogger(__name__)

_NOTE = "health"
_CACHE_SECONDS = 5.0
"""Seconds for which an answer of the store is believed, so that asking often costs nothing."""
_TIMEOUT = 3.0
"""Seconds for the store to take a write."""
_CHECK_INTERVAL = 1.0
_STALL = 15.0
"""Seconds after which a loop that did not turn counts as dead."""


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """How the bot is."""

    live: bool
    parts: Mapping[str, bool]
    """By the name of what it needs to be ready, whether that is well."""

    @property
    def ready(self) -> bool:
        """Whether it can work."""
        return self.live and all(self.parts.values())


class HealthMonitor:
    """Looks at the bot. Use as a task of its own: :meth:`run` measures the loop."""

    def __init__(self, connected: Callable[[], bool] | None, store: Store, late: Callable[[float], None]) -> None:
        """`connected`: None for a process without a gateway; `late` is told each second by how late the loop was."""
        self._connected = connected
        self._store = store
        self._late = late
        self._clock = asyncio.get_running_loop().time
        self._turned = self._clock()
        self._writing: asyncio.Task[bool] | None = None
        self._written = float("-inf")

    async def run(self) -> None:
        """Measure the loop; ends only by cancellation, and then leaves no write behind."""
        try:
            while True:
                self._turned = self._clock()
                await asyncio.sleep(_CHECK_INTERVAL)
                self._late(max(0.0, self._clock() - self._turned - _CHECK_INTERVAL))
        finally:
            if self._writing:
                await asyncio.wait({self._writing})

    async def check(self) -> HealthStatus:
        """How the bot is now; takes three seconds at most, and never raises."""
        gateway = {"gateway": self._connected()} if self._connected else {}
        return HealthStatus(self.live(), {**gateway, "store": await self._takes_writes()})

    def live(self) -> bool:
        """Whether the loop turns."""
        return self._clock() - self._turned < _STALL

    async def _takes_writes(self) -> bool:
        if self._clock() - self._written < _CACHE_SECONDS:
            return True
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="health: write")
        await asyncio.wait({self._writing}, timeout=_TIMEOUT)  # not cancelled: a write is to end whole
        return self._writing.done() and self._writing.result()

    async def _write(self) -> bool:
        try:
            await self._store.set_note(_NOTE, "writable")
        except Exception as error:  # whatever the database raises means the same here
            log.warning("the store does not take writes: %s", error)
            return False
        self._written = self._clock()
        return True
