"""Circuit breaker and rate limiters of a single process on a SQLite file, kept in memory.

No other process needs them, so nothing is written; they end with the process. Times are its monotonic clock's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.store.throttle import CircuitState, Opening, SharedTurns


@dataclass(slots=True)
class _OpenCircuit:
    backoff: float
    until: float
    next_probe: float = 0.0


class LocalCircuitState(CircuitState):
    """CircuitState in memory."""

    _circuit: _OpenCircuit | None = None

    async def open(
        self, next_backoff: Callable[[float | None], tuple[float, float]], seen: float | None
    ) -> Opening | None:
        """See :meth:`CircuitState.open`."""
        now, latest = time.monotonic(), self._circuit
        if latest and (latest.until > now or latest.until != seen):
            return None
        backoff, seconds = next_backoff(latest.backoff if latest else None)
        self._circuit = _OpenCircuit(backoff, now + seconds)
        return Opening(now + seconds, seconds)

    async def acquire_probe(self, interval: float) -> float | None:
        """See :meth:`CircuitState.acquire_probe`."""
        now, circuit = time.monotonic(), self._circuit
        if circuit is None:
            return None
        if circuit.until <= now and circuit.next_probe <= now:
            circuit.next_probe = now + interval
            return 0.0
        return max(0.01, circuit.until - now, circuit.next_probe - now)

    async def close(self) -> None:
        """See :meth:`CircuitState.close`."""
        self._circuit = None

    async def read_opening(self) -> float | None:
        """See :meth:`CircuitState.read_opening`."""
        return self._circuit.until if self._circuit else None


class LocalTurns(SharedTurns):
    """SharedTurns in memory."""

    async def reserve(self, name: str, interval: float) -> float:
        """See :meth:`SharedTurns.reserve`."""
        now = time.monotonic()
        mine = max(now, self._free_at.get(name, now))
        self._free_at[name] = mine + interval
        return mine - now
