"""Pauses and paces of the one process on a SQLite file: nobody else asks for them, so nothing is written down.

They are over when the process is. By its own steady clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.store.paces import Paces
from bot.store.pauses import Pauses


@dataclass(slots=True)
class _Pause:
    gap: float
    until: float
    turn: float = 0.0


class PausesAlone(Pauses):
    """The same in memory."""

    _pause: _Pause | None = None

    async def begin(self, longer: Callable[[float | None], tuple[float, float]]) -> float | None:
        """See :meth:`Pauses.begin`."""
        now, latest = time.monotonic(), self._pause
        if latest and latest.until > now:
            return None
        gap, seconds = longer(latest.gap if latest else None)
        self._pause = _Pause(gap, now + seconds)
        return seconds

    async def turn(self, apart: float) -> float | None:
        """See :meth:`Pauses.turn`."""
        now, pause = time.monotonic(), self._pause
        if pause is None:
            return None
        if pause.until <= now and pause.turn <= now:
            pause.turn = now + apart
            return 0.0
        return max(0.01, pause.until - now, pause.turn - now)

    async def end(self) -> None:
        """See :meth:`Pauses.end`."""
        self._pause = None

    async def lasts(self) -> bool:
        """See :meth:`Pauses.lasts`."""
        return self._pause is not None


class PacesAlone(Paces):
    """The same in memory."""

    async def turn(self, name: str, apart: float) -> float:
        """See :meth:`Paces.turn`."""
        now = time.monotonic()
        mine = max(now, self._free_at.get(name, now))
        self._free_at[name] = mine + apart
        return mine - now
