"""Queue positions, computed from the database, so that every process can show them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task
from bot.store import QueueForecast, Store, forecast_queue

_CACHE_SECONDS = 3.0


class QueueService:
    """Answers where tasks stand in the queue and when they should start."""

    def __init__(
        self, store: Store, now: Callable[[], datetime], operator_limits: OperatorLimits, server_running: int
    ) -> None:
        """`server_running`: running tasks allowed in a server that has set no limits; 0: no limit."""
        self._store = store
        self._now = now
        self._operator_limits = operator_limits
        self._server_running = server_running
        self._forecast = QueueForecast()
        self._computed_at = datetime.min.replace(tzinfo=UTC)
        self._expires_at = float("-inf")
        self._computing = asyncio.Lock()

    async def add_positions(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks, with `queue_position` and `starts_at` set on those that wait.

        The forecast is cached for a few seconds, but never used for a task that began to wait after it was computed.
        """
        waiting = [task for task in tasks if task.waits]
        if not waiting:
            return list(tasks)
        newest = max(task.prepared_at or task.state_changed_at for task in waiting)
        async with self._computing:
            if asyncio.get_running_loop().time() >= self._expires_at or newest >= self._computed_at:
                await self._compute()
        return [self._forecast.apply(task) for task in tasks]

    async def _compute(self) -> None:
        now = self._now()
        self._forecast = await forecast_queue(self._store, self._operator_limits, self._server_running, now)
        self._computed_at = now
        self._expires_at = asyncio.get_running_loop().time() + _CACHE_SECONDS
