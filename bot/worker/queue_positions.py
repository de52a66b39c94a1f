"""Shows waiting tasks their queue positions in their replies."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from bot.store import QueuePosition, forecast_queue
from bot.worker.resources import JobResources

_NEAR = 5
"""From this turn on every step is worth showing; before it only a fifth of the way."""

_STEP = 0.8


class QueuePositions:
    """Remembers what each reply in line shows."""

    def __init__(self, resources: JobResources) -> None:
        self._resources = resources
        self._shown: dict[int, tuple[int, bool]] = {}
        """By task, the number and whether it waits for room on the disk."""
        self._looked_at = float("-inf")

    def __bool__(self) -> bool:
        """Whether somebody stood in line at the last look."""
        return bool(self._shown)

    async def refresh(self, new: Collection[int] = ()) -> None:
        """Show those in line where they stand, if it is time for it or some of them are `new`."""
        clock = asyncio.get_running_loop().time()
        if not new and clock < self._looked_at + self._resources.timeouts.queue_scan:
            return
        self._looked_at = clock
        resources = self._resources
        forecast = await forecast_queue(
            resources.store, resources.operator_limits, resources.server_running, resources.now()
        )
        turns = forecast.positions
        for task_id in self._shown.keys() - turns.keys():
            del self._shown[task_id]
        moved = {task_id for task_id, turn in turns.items() if task_id in new or self._worth_showing(turn)}
        if not moved:
            return
        for task in await resources.store.queue.queued(moved):
            turn = turns[task.id]
            self._shown[task.id] = (turn.number, turn.no_room)
            resources.reply_port.update(forecast.apply(task), None)

    def _worth_showing(self, turn: QueuePosition) -> bool:
        shown, no_room = self._shown.get(turn.task_id, (0, False))
        if turn.number > shown or turn.no_room is not no_room:
            return True
        return turn.number < shown and (turn.number <= _NEAR or turn.number <= shown * _STEP)
