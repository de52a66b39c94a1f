"""How fast all jobs together may query FoxAPI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


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
