"""Backoff and RateLimiter: how often the worker calls FoxAPI."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable


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


class RateLimiter:
    """A FIFO rate limiter with evenly spaced permits.

    All jobs share one, so that a start with ten thousand unfinished tasks polls no faster than usual.
    """

    def __init__(self, per_second: float, share: Callable[[], float] = lambda: 1.0) -> None:
        """`share`: the part of the rate that this process has, between 0 and 1."""
        self._interval = 1 / per_second
        self._share = share
        self._next = 0.0

    def reserve(self) -> float:
        """Reserve the next permit and return the seconds until it is valid. A permit that is not used is lost."""
        now = asyncio.get_running_loop().time()
        permit_at = max(self._next, now)
        self._next = permit_at + self._interval / self._share()
        return permit_at - now
