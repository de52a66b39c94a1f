"""Wakeups: the rest of the program, and other processes, notify the worker that there is something to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Wakeups:
    """Wakes the worker when a task row changes. Notifications that arrive while it is busy are kept."""

    def __init__(self, *, has_worker: bool = True) -> None:
        """`has_worker`: whether this process has a worker; if not, local notifications are dropped."""
        self._has_worker = has_worker
        self._notified = asyncio.Event()
        self._ids: set[int] = set()
        self.broadcast: Callable[[int | None], object] = lambda _: None
        """Notifies the other processes. This may fail, because they also scan periodically."""

    def notify(self, task_id: int | None = None) -> None:
        """Notify all processes that a task's row is new, or was changed outside its job; None: a slot may be free."""
        self.notify_local(task_id)
        self.broadcast(task_id)

    def notify_local(self, task_id: int | None = None) -> None:
        """Notify the worker of this process alone."""
        if not self._has_worker:
            return
        if task_id is not None:
            self._ids.add(task_id)
        self._notified.set()

    async def wait(self, seconds: float | None = None) -> set[int]:
        """Wait for a notification, or for `seconds`; return the ids of the tasks in all notifications so far."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._notified.wait()
        self._notified.clear()
        ids, self._ids = self._ids, set()
        return ids
