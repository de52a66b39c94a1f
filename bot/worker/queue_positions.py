"""Shows waiting tasks their queue positions in their replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from bot.store import QueuePosition, forecast_queue
from bot.worker.resources import JobResources

_NEAR = 5
"""Up to this position every change is shown; beyond it only a change by a fifth."""

_STEP = 0.8


class QueuePositions:
    """Shows waiting tasks their positions, and remembers what their replies show."""

    def __init__(self, resources: JobResources, is_own: Callable[[int], bool]) -> None:
        """`is_own`: whether this process works on a task, and so shows it from its start."""
        self._resources = resources
        self._is_own = is_own
        self._shown: dict[int, tuple[int, bool]] = {}
        """By task: its position, and whether it waits for room on the disk."""
        self._refreshed_at = float("-inf")

    def __bool__(self) -> bool:
        """Whether a task was waiting at the last refresh."""
        return bool(self._shown)

    async def refresh(self, new: Collection[int] = ()) -> None:
        """Update the positions in the replies, if that is due or some of the waiting tasks are `new`."""
        clock = asyncio.get_running_loop().time()
        if not new and clock < self._refreshed_at + self._resources.timeouts.queue_scan:
            return
        self._refreshed_at = clock
        resources = self._resources
        forecast = await forecast_queue(
            resources.store, resources.operator_limits, resources.server_running, resources.now()
        )
        positions = forecast.positions
        for task_id in self._shown.keys() - positions.keys():
            del self._shown[task_id]
            if not self._is_own(task_id):
                resources.reply_port.release(task_id)
        changed = {
            task_id for task_id, position in positions.items() if task_id in new or self._is_worth_showing(position)
        }
        if not changed:
            return
        for task in await resources.store.queue.list_queued(changed):
            position = positions[task.id]
            self._shown[task.id] = (position.number, position.no_room)
            resources.reply_port.update(forecast.apply(task), None)

    def _is_worth_showing(self, position: QueuePosition) -> bool:
        shown, no_room = self._shown.get(position.task_id, (0, False))
        if position.number > shown or position.no_room is not no_room:
            return True
        return position.number < shown and (position.number <= _NEAR or position.number <= shown * _STEP)
