"""Liveness (the event loop is responsive) and readiness (the gateway is connected, the store is writable)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.store import Store

log = logging.getLogger(__name__)

_NOTE = "health"
_CACHE_SECONDS = 5.0
"""How long a successful write is cached, so that frequent checks are cheap."""
_TIMEOUT = 3.0
"""Time limit of the write check, in seconds."""
_CHECK_INTERVAL = 1.0
_STALL = 15.0
"""Seconds without an iteration after which the event loop counts as blocked."""


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """The bot's health."""

    live: bool
    parts: Mapping[str, bool]
    """For each part that readiness needs, whether it is healthy."""

    @property
    def ready(self) -> bool:
        """Whether the bot can work."""
        return self.live and all(self.parts.values())


class HealthMonitor:
    """Checks the bot's health. Run :meth:`run`, which measures the event loop, as a task."""

    def __init__(self, connected: Callable[[], bool] | None, store: Store, on_delay: Callable[[float], None]) -> None:
        """`connected`: None without a gateway; `on_delay` receives the event loop's delay every second."""
        self._connected = connected
        self._store = store
        self._on_delay = on_delay
        self._clock = asyncio.get_running_loop().time
        self._last_iteration = self._clock()
        self._writing: asyncio.Task[bool] | None = None
        self._written = float("-inf")

    async def run(self) -> None:
        """Measure the event loop until cancelled, then wait for a pending write."""
        try:
            while True:
                self._last_iteration = self._clock()
                await asyncio.sleep(_CHECK_INTERVAL)
                self._on_delay(max(0.0, self._clock() - self._last_iteration - _CHECK_INTERVAL))
        finally:
            if self._writing:
                await asyncio.wait({self._writing})

    async def check(self) -> HealthStatus:
        """Check everything; takes at most three seconds and never raises."""
        gateway = {"gateway": self._connected()} if self._connected else {}
        return HealthStatus(self.is_live(), {**gateway, "store": await self._is_writable()})

    def is_live(self) -> bool:
        """Whether the event loop is responsive."""
        return self._clock() - self._last_iteration < _STALL

    async def _is_writable(self) -> bool:
        if self._clock() - self._written < _CACHE_SECONDS:
            return True
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="health: write")
        await asyncio.wait({self._writing}, timeout=_TIMEOUT)  # not cancelled, so that the write completes
        return self._writing.done() and self._writing.result()

    async def _write(self) -> bool:
        try:
            await self._store.set_note(_NOTE, "writable")
        except Exception as error:  # any exception means that the store is not writable
            log.warning("the store is not writable: %s", error)
            return False
        self._written = self._clock()
        return True
