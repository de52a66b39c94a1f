"""Backoff, RateLimiter and CircuitBreaker: how often the worker calls FoxAPI."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress

from bot.store import CircuitState

log = logging.getLogger(__name__)


class Backoff:
    """Exponential back-off with jitter: about `first` seconds, then twice as many each time, up to `most`."""

    def __init__(self, chance: random.Random, first: float = 1.0, most: float = 60.0) -> None:
        self.first = first
        self._random = chance
        self._most = most
        self._next = first

    def next(self, retry_after: float | None = None) -> float:
        """Return the seconds to wait: at least `retry_after`, and different for two callers that failed together."""
        gap = self._next * self._random.uniform(0.75, 1.25)
        self._next = min(self._most, self._next * 2)
        return gap if retry_after is None else max(gap, retry_after * self._random.uniform(1.0, 1.1))

    def reset(self) -> None:
        """Start again with the first gap, after a success."""
        self._next = self.first


class CircuitBreaker:
    """While it is open, nobody polls FoxAPI. Each failure in a row keeps it open longer; the first success closes it.

    After the pause, one job at a time probes FoxAPI, so that a thousand tasks do not cause a thousand retries.
    All processes share one circuit breaker: its state is in the store, and this object only knows whether it is open.
    """

    def __init__(
        self,
        shared: CircuitState,
        notify_others: Callable[[], None],
        chance: random.Random,
        first: float = 1.0,
        most: float = 60.0,
    ) -> None:
        """`notify_others` makes the other processes refresh their view of the circuit breaker."""
        self._shared = shared
        self._notify_others = notify_others
        self._random = chance
        self._first = first
        self._most = most
        self._until = 0.0
        """The loop's time at which the latest pause that began in this process ends."""
        self._closed = asyncio.Event()
        self._closed.set()

    @property
    def is_open(self) -> bool:
        """Whether FoxAPI failed, and has not answered a poll since then."""
        return not self._closed.is_set()

    @property
    def cooling_down(self) -> bool:
        """Whether a pause that began in this process has not ended yet."""
        return not self._closed.is_set() and self._until > asyncio.get_running_loop().time()

    async def wait(self) -> None:
        """Return at once if closed; otherwise when it closes, or when the caller may send the next probe."""
        while not self._closed.is_set():
            seconds = await self._shared.acquire_probe(self._first)
            if seconds is None:
                self._closed.set()
            elif seconds == 0:
                return
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._closed.wait()

    async def refresh(self) -> None:
        """Read from the store whether another process has opened or closed it."""
        if await self._shared.is_open():
            self._closed.clear()
        else:
            self._closed.set()

    async def record_failure(self, why: Exception, retry_after: float | None) -> None:
        """Open for all processes. Failures of requests that were sent before it opened do not lengthen the pause."""
        self._closed.clear()
        seconds = await self._shared.open(lambda latest: self._next_pause(latest, retry_after))
        if seconds is not None:
            self._until = asyncio.get_running_loop().time() + seconds
            log.warning("FoxAPI paused for %.1f s: %s", seconds, why)
            self._notify_others()

    async def record_success(self) -> None:
        """Close after FoxAPI answered a poll. An accepted submission does not count: it says nothing about polls."""
        if self._closed.is_set():
            return
        await self._shared.close()
        log.info("FoxAPI answers again")
        self._closed.set()
        self._notify_others()

    def _next_pause(self, latest: float | None, retry_after: float | None) -> tuple[float, float]:
        backoff = Backoff(self._random, self._first if latest is None else min(self._most, latest * 2))
        return backoff.first, backoff.next(retry_after)


class RateLimiter:
    """A FIFO rate limiter with evenly spaced permits.

    All jobs share one, so that a start with ten thousand unfinished tasks polls no faster than usual.
    """

    def __init__(self, per_second: float, process_count: Callable[[], int] = lambda: 1) -> None:
        """`process_count`: how many processes share the rate, each with an equal part."""
        self._interval = 1 / per_second
        self._process_count = process_count
        self._next = 0.0

    def reserve(self) -> float:
        """Reserve the next permit and return the seconds until it is valid. A permit that is not used is lost."""
        now = asyncio.get_running_loop().time()
        permit_at = max(self._next, now)
        self._next = permit_at + self._interval * self._process_count()
        return permit_at - now
