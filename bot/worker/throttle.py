"""Gaps between tries, and the one pause that all jobs share while FoxAPI as a whole is ill."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress

from bot.store import CircuitState

log = logging.getLogger(__name__)


class Backoff:
    """Growing, jittered gaps: about `first` seconds, then double each time, up to `most`."""

    def __init__(self, chance: random.Random, first: float = 1.0, most: float = 60.0) -> None:
        self.first = first
        self._random = chance
        self._most = most
        self._next = first

    def next(self, retry_after: float | None = None) -> float:
        """Seconds to wait now: never less than was asked for, never the same for two who failed together."""
        gap = self._next * self._random.uniform(0.75, 1.25)
        self._next = min(self._most, self._next * 2)
        return gap if retry_after is None else max(gap, retry_after * self._random.uniform(1.0, 1.1))

    def reset(self) -> None:
        """All is well: begin small again."""
        self._next = self.first


class CircuitBreaker:
    """While it lasts, nobody queries FoxAPI; each fault in a row makes it longer, the first good answer ends it.

    After it, one job at a time looks whether FoxAPI is well again, so that a thousand tasks are not a thousand retries.
    All processes make one pause: it is kept in the store, and here is only whether there is one.
    """

    def __init__(
        self,
        shared: CircuitState,
        tell: Callable[[], None],
        chance: random.Random,
        first: float = 1.0,
        most: float = 60.0,
    ) -> None:
        """`tell` lets the other processes know that there is something to look at."""
        self._shared = shared
        self._tell = tell
        self._random = chance
        self._first = first
        self._most = most
        self._until = 0.0
        """By the loop's clock, when the latest pause that began in this process is over."""
        self._well = asyncio.Event()
        self._well.set()

    @property
    def is_open(self) -> bool:
        """Whether FoxAPI has not answered well since it was found ill."""
        return not self._well.is_set()

    @property
    def cooling_down(self) -> bool:
        """Whether a pause that began in this process is not over yet."""
        return not self._well.is_set() and self._until > asyncio.get_running_loop().time()

    async def wait(self) -> None:
        """Return when the pause, if there is one, is over, and nobody else has just been let through to look."""
        while not self._well.is_set():
            rest = await self._shared.acquire_probe(self._first)
            if rest is None:
                self._well.set()
            elif rest == 0:
                return
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(rest):
                        await self._well.wait()

    async def refresh(self) -> None:
        """See whether another process has begun or ended a pause."""
        if await self._shared.is_open():
            self._well.clear()
        else:
            self._well.set()

    async def record_failure(self, why: Exception, retry_after: float | None) -> None:
        """FoxAPI failed somebody: pause for all. Faults that were under way when it began do not lengthen it."""
        self._well.clear()
        seconds = await self._shared.open(lambda latest: self._longer(latest, retry_after))
        if seconds is not None:
            self._until = asyncio.get_running_loop().time() + seconds
            log.warning("FoxAPI paused for %.1f s: %s", seconds, why)
            self._tell()

    async def record_success(self) -> None:
        """FoxAPI answered a query; that it takes an order would say nothing about its queries."""
        if self._well.is_set():
            return
        await self._shared.close()
        log.info("FoxAPI answers again")
        self._well.set()
        self._tell()

    def _longer(self, latest: float | None, retry_after: float | None) -> tuple[float, float]:
        backoff = Backoff(self._random, self._first if latest is None else min(self._most, latest * 2))
        return backoff.first, backoff.next(retry_after)


class RateLimiter:
    """Lets so many through in a second and no more, evenly, whoever came first goes first.

    One for all jobs: a start with ten thousand tasks asks for them at the same pace as any other hour.
    """

    def __init__(self, per_second: float, company: Callable[[], int] = lambda: 1) -> None:
        """`company`: how many processes have this pace together, each an equal part of it."""
        self._apart = 1 / per_second
        self._process_count = company
        self._next = 0.0

    def reserve(self) -> float:
        """Take the next turn, and return the seconds until it comes. One that is not used passes unused."""
        now = asyncio.get_running_loop().time()
        mine = max(self._next, now)
        self._next = mine + self._apart * self._process_count()
        return mine - now
