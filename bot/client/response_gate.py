"""First answers first: while members wait for theirs, the work that they asked for waits too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_QUIET = 0.05
"""Seconds without anybody waiting after which a rush is over: many who come together do not come at once."""


class ResponseGate:
    """Counts who waits for a first answer. After three seconds Discord tells them that there was none."""

    def __init__(self, most: float = 3.0) -> None:
        """`most`: seconds for which anything may be held up by others' first answers."""
        self._most = most
        self._waiting = 0
        self._crowded = False
        """Whether several wait, or did just now."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._released = False

    @contextmanager
    def responding(self) -> Iterator[None]:
        """Somebody waits for a first answer in this block."""
        self._waiting += 1
        self._crowded |= self._waiting > 1
        if not self._released:
            self._idle.clear()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._idle.set()

    async def wait_until_idle(self) -> None:
        """Return when nobody waits for a first answer, or after the longest time; at once if there is no rush."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._most):
                await self._idle.wait()
                while self._crowded and not self._released:
                    await asyncio.sleep(_QUIET)
                    if self._idle.is_set():
                        self._crowded = False
                    await self._idle.wait()

    def open_for_good(self) -> None:
        """From now on nothing is held up any more, for the bot stops."""
        self._released = True
        self._idle.set()
