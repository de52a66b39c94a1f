"""Pauses and paces of the one process on a SQLite file: nobody else asks for them, so nothing is written down.

They are over when the process is. By its own steady clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.store.throttle import CircuitState, SharedTurns


@dataclass(slots=True)
class _Pause:
    gap: float
    until: float
    turn: float = 0.0


class LocalCircuitState(CircuitState):
    """The same in memory."""

    _pause: _Pause | None = None

    async def open(self, longer: Callable[[float | None], tuple[float, float]]) -> float | None:
        """See :meth:`CircuitState.open`."""
        now, latest = time.monotonic(), self._pause
        if latest and latest.until > now:
            return None
        gap, seconds = longer(latest.gap if latest else None)
        self._pause = _Pause(gap, now + seconds)
        return seconds

    async def acquire_probe(self, apart: float) -> float | None:
        """See :meth:`CircuitState.acquire_probe`."""
        now, pause = time.monotonic(), self._pause
        if pause is None:
            return None
        if pause.until <= now and pause.turn <= now:
            pause.turn = now + apart
            return 0.0
        return max(0.01, pause.until - now, pause.turn - now)

    async def close(self) -> None:
        """See :meth:`CircuitState.close`."""
        self._pause = None

    async def is_open(self) -> bool:
        """See :meth:`CircuitState.is_open`."""
        return self._pause is not None


class LocalTurns(SharedTurns):
    """The same in memory."""

    async def turn(self, name: str, apart: float) -> float:
        """See :meth:`SharedTurns.turn`."""
        now = time.monotonic()
        mine = max(now, self._free_at.get(name, now))
        self._free_at[name] = mine + apart
        return mine - now
