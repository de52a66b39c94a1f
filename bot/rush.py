"""First answers first: while members wait for theirs, the work that they asked for waits too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_QUIET = 0.05
"""Seconds without anybody waiting after which a rush is over: many who come together do not come at once."""


class Rush:
    """Counts who waits for a first answer. After three seconds Discord tells them that there was none."""

    def __init__(self, most: float = 3.0) -> None:
        """`most`: seconds for which anything may be held up by others' first answers."""
        self._most = most
        self._waiting = 0
        self._many = False
        """Whether several wait, or did just now."""
        self._none = asyncio.Event()
        self._none.set()
        self._open = False

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Somebody waits for a first answer in this block."""
        self._waiting += 1
        self._many |= self._waiting > 1
        if not self._open:
            self._none.clear()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._none.set()

    async def over(self) -> None:
        """Return when nobody waits for a first answer, or after the longest time; at once if there is no rush."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._most):
                await self._none.wait()
                while self._many and not self._open:
                    await asyncio.sleep(_QUIET)
                    if self._none.is_set():
                        self._many = False
                    await self._none.wait()

    def let_go(self) -> None:
        """From now on nothing is held up any more, for the bot stops."""
        self._open = True
        self._none.set()
