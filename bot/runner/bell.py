"""How the rest of the program, and other processes, tell the runner that there is something to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Bell:
    """Rung by whoever wrote a row, waited for by the runner. Rings while nobody waits are kept."""

    def __init__(self, *, waited_for: bool = True) -> None:
        """`waited_for`: whether there is a runner in this process; without one nothing is kept for it."""
        self._waited_for = waited_for
        self._rung = asyncio.Event()
        self._ids: set[int] = set()
        self.carry: Callable[[int | None], object] = lambda _: None
        """Tells the other processes. It may fail to: they look now and then all the same."""

    def ring(self, task_id: int | None = None) -> None:
        """Say, everywhere, that a task's row is new, or was changed from outside its job; None: a slot may be free."""
        self.hear(task_id)
        self.carry(task_id)

    def hear(self, task_id: int | None = None) -> None:
        """It rang elsewhere, or is meant for this process alone."""
        if not self._waited_for:
            return
        if task_id is not None:
            self._ids.add(task_id)
        self._rung.set()

    async def wait(self, seconds: float | None = None) -> set[int]:
        """Return, once it was rung, the ids it was rung for; after `seconds` in any case."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()
        ids, self._ids = self._ids, set()
        return ids
