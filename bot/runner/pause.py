"""Gaps between tries, and the one pause that all jobs share while FoxAPI as a whole is ill."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress

log = logging.getLogger(__name__)


class Gaps:
    """Growing, jittered gaps: about `first` seconds, then double each time, up to `most`."""

    def __init__(self, chance: random.Random, first: float = 1.0, most: float = 60.0) -> None:
        self._random = chance
        self._first = first
        self._most = most
        self._next = first

    def next(self, retry_after: float | None = None) -> float:
        """Seconds to wait now: never less than was asked for, never the same for two who failed together."""
        gap = self._next * self._random.uniform(0.75, 1.25)
        self._next = min(self._most, self._next * 2)
        return gap if retry_after is None else max(gap, retry_after * self._random.uniform(1.0, 1.1))

    def reset(self) -> None:
        """All is well: begin small again."""
        self._next = self._first


class Pause:
    """While it lasts, nobody queries FoxAPI; each fault in a row makes it longer, the first good answer ends it.

    After it, one job at a time looks whether FoxAPI is well again, so that a thousand tasks are not a thousand retries.
    """

    def __init__(self, chance: random.Random, first: float = 1.0, most: float = 60.0) -> None:
        self._gaps = Gaps(chance, first, most)
        self._apart = first
        self._until = 0.0
        self._next_turn = 0.0
        self._well = asyncio.Event()
        self._well.set()

    @property
    def on(self) -> bool:
        """Whether FoxAPI has not answered well since it was found ill."""
        return not self._well.is_set()

    @property
    def lasts(self) -> bool:
        """Whether nobody may query now."""
        return not self._well.is_set() and max(self._until, self._next_turn) > asyncio.get_running_loop().time()

    async def turn(self) -> None:
        """Return when the pause, if there is one, is over, and nobody else has just been let through to look."""
        loop = asyncio.get_running_loop()
        while (rest := max(self._until, self._next_turn) - loop.time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._well.wait()
        if not self._well.is_set():
            self._next_turn = loop.time() + self._apart

    def fault(self, why: Exception, retry_after: float | None) -> None:
        """FoxAPI failed somebody: pause for all. Faults that were under way when it began do not lengthen it."""
        loop = asyncio.get_running_loop()
        if self._until > loop.time():
            return
        gap = self._gaps.next(retry_after)
        self._until = loop.time() + gap
        self._well.clear()
        log.warning("FoxAPI paused for %.1f s: %s", gap, why)

    def well(self) -> None:
        """FoxAPI answered a query; that it takes an order would say nothing about its queries."""
        if not self._well.is_set():
            log.info("FoxAPI answers again")
        self._well.set()
        self._until = self._next_turn = 0.0
        self._gaps.reset()
