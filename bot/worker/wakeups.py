"""How the rest of the program, and other processes, tell the runner that there is something to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Wakeups:
    """Rung by whoever wrote a row, waited for by the runner. Rings while nobody waits are kept."""

    def __init__(self, *, has_worker: bool = True) -> None:
        """`waited_for`: whether there is a runner in this process; without one nothing is kept for it."""
        self._has_worker = has_worker
        self._notified = asyncio.Event()
        self._ids: set[int] = set()
        self.broadcast: Callable[[int | None], object] = lambda _: None
        """Tells the other processes. It may fail to: they look now and then all the same."""

    def notify(self, task_id: int | None = None) -> None:
        """Say, everywhere, that a task's row is new, or was changed from outside its job; None: a slot may be free."""
        self.notify_local(task_id)
        self.broadcast(task_id)

    def notify_local(self, task_id: int | None = None) -> None:
        """It rang elsewhere, or is meant for this process alone."""
        if not self._has_worker:
            return
        if task_id is not None:
            self._ids.add(task_id)
        self._notified.set()

    async def wait(self, seconds: float | None = None) -> set[int]:
        """Return, once it was rung, the ids it was rung for; after `seconds` in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._notified.wait()
        self._notified.clear()
        ids, self._ids = self._ids, set()
        return ids
