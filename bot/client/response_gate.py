"""Give first responses to interactions priority over background work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_QUIET = 0.05
"""Seconds without pending responses after which a burst is over: its interactions do not arrive all at once."""


class ResponseGate:
    """Counts pending first responses. Discord reports an interaction as failed after three seconds without one."""

    def __init__(self, most: float = 3.0) -> None:
        """`most`: the maximum time in seconds that work is delayed."""
        self._most = most
        self._waiting = 0
        self._crowded = False
        """Whether several responses are pending, or were a moment ago."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._released = False

    @contextmanager
    def responding(self) -> Iterator[None]:
        """Count a pending first response during this block."""
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

    @property
    def is_crowded(self) -> bool:
        """Whether another first response is pending, or was a moment ago."""
        return self._crowded or self._waiting > 0

    async def wait_until_idle(self) -> None:
        """Wait until no first response is pending, at most for the maximum time; at once without a burst."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._most):
                await self._idle.wait()
                while self._crowded and not self._released:
                    await asyncio.sleep(_QUIET)
                    if self._idle.is_set():
                        self._crowded = False
                    await self._idle.wait()

    def open_for_good(self) -> None:
        """Stop delaying work, because the bot is shutting down."""
        self._released = True
        self._idle.set()
