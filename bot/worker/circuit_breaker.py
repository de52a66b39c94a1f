"""CircuitBreaker: while FoxAPI fails, nobody calls it but one probe at a time."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bot.store import CircuitState
from bot.worker.throttle import Backoff

log = logging.getLogger(__name__)


class CircuitBreaker:
    """While it is open, nobody calls FoxAPI. Each failure in a row keeps it open longer; the first success closes it.

    After the pause, one job at a time probes FoxAPI with a free request, so that a thousand tasks do not cause a
    thousand retries, and no paid request is sent to a service that fails. All processes share one circuit breaker: its
    state is in the store, and this object only knows what it last read there.
    """

    def __init__(
        self,
        shared: CircuitState,
        notify_others: Callable[[], None],
        chance: random.Random,
        first: float = 1.0,
        most: float = 60.0,
        *,
        probe_seconds: float = 30.0,
    ) -> None:
        """`first`, `most`: the shortest and longest pause; `probe_seconds`: for how long a probe can be under way.

        `notify_others` makes the other processes refresh their view of the circuit breaker.
        """
        self._shared = shared
        self._notify_others = notify_others
        self._random = chance
        self._first = first
        self._most = most
        self._probe_seconds = probe_seconds
        self._opening: float | None = None
        self._changed = asyncio.Event()
        self._waiting = asyncio.Lock()
        """Held by the one job that waits for the next turn to probe; the others wait for the lock."""
        self._waiting_polls = 0

    @property
    def is_open(self) -> bool:
        """Whether FoxAPI failed, and has not answered since then."""
        return self._opening is not None

    @property
    def opening(self) -> float | None:
        """A value that identifies the latest opening; read it before a request, for :meth:`record_failure`."""
        return self._opening

    async def wait(self) -> None:
        """Return at once if closed; otherwise when it closes, or when the caller may send the next probe."""
        self._waiting_polls += 1
        try:
            await self._wait_for_turn()
        finally:
            self._waiting_polls -= 1

    async def wait_until_closed(self, probe: Callable[[], Awaitable[None]]) -> None:
        """Wait until a free request has succeeded; while no poll waits for a turn to do so, send `probe`."""
        while self.is_open:
            if self._waiting_polls:
                await asyncio.sleep(self._first)
                continue
            await self._wait_for_turn()
            if self.is_open:
                await probe()

    async def refresh(self) -> None:
        """Read from the store whether another process has opened or closed it."""
        self._set(await self._shared.read_opening())

    async def record_failure(self, why: Exception, retry_after: float | None, opening: float | None) -> None:
        """Open for all processes. A request that was sent before the latest opening does not lengthen the pause.

        `opening`: the value of :attr:`opening` when the request was sent.
        """
        opened = await self._shared.open(lambda latest: self._next_pause(latest, retry_after), opening)
        if opened is None:
            await self.refresh()
            return
        self._set(opened.until)
        log.warning("FoxAPI paused for %.1f s: %s", opened.seconds, why)
        self._notify_others()

    async def record_success(self) -> None:
        """Close after FoxAPI answered a free request. A submission does not count: it says nothing about polls."""
        if not self.is_open:
            return
        await self._shared.close()
        log.info("FoxAPI answers again")
        self._set(None)
        self._notify_others()

    async def _wait_for_turn(self) -> None:
        while self.is_open:
            async with self._waiting:
                if not self.is_open:
                    return
                self._changed.clear()
                seconds = await self._shared.acquire_probe(self._probe_seconds)
                if seconds is None:
                    self._set(None)
                elif seconds == 0:
                    return
                else:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(seconds):
                            await self._changed.wait()

    def _set(self, opening: float | None) -> None:
        if opening != self._opening:
            self._opening = opening
            self._changed.set()

    def _next_pause(self, latest: float | None, retry_after: float | None) -> tuple[float, float]:
        backoff = Backoff(self._random, self._first if latest is None else min(self._most, latest * 2))
        return backoff.first, backoff.next(retry_after)
