"""CurrentRow: a task's row as its job last saw it, and waits that end when somebody else changes it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from bot.domain.errors import ExtendBotError
from bot.domain.task import Task, TaskState
from bot.store import StaleRow
from bot.worker.resources import JobResources
from bot.worker.throttle import Backoff

log = logging.getLogger(__name__)

T = TypeVar("T")
_OUTAGE_TRIES = 60
"""Tries to write in about ten minutes of an outage; after them there are a few tries an hour."""


class LeaseLost(ExtendBotError):
    """Another process works on this task now."""


class CurrentRow:
    """One task's row. Only its job sets :attr:`task`."""

    def __init__(self, resources: JobResources, task: Task) -> None:
        self.task = task
        """The row as the job last saw it."""
        self._resources = resources
        self._changed = asyncio.Event()
        self._was_notified = False
        """Whether a change was announced since :meth:`sleep_and_reload` last read the row."""

    def notify_changed(self) -> None:
        """Announce that somebody else changed the row; this ends waits."""
        self._was_notified = True
        self._changed.set()

    async def sleep_and_reload(self, seconds: float) -> None:
        """Wait, but no longer than until somebody else changes the row; then read it. Raises StaleRow.

        A task that is rendering or waits for a slot is not read again if nothing was announced and no other process
        can have changed it: such waits are the most frequent ones.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._wait_for_change()
        routine = self.task.state is TaskState.RENDERING or self.task.waits
        if routine and self._resources.store.is_single_process and not self._was_notified:
            return
        self._was_notified = False
        now = await self._resources.store.tasks.get(self.task.id)
        if now is None or now.state is not self.task.state or now.fencing_token != self.task.fencing_token:
            raise StaleRow(f"task {self.task.id} is no longer {self.task.state}")
        self.task = now

    async def sleep_unless_changed(self, seconds: float) -> None:
        """Wait. Raises StaleRow when somebody else changes the row meanwhile."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._wait_for_change()
        except TimeoutError:
            return
        raise StaleRow(f"task {self.task.id} was changed meanwhile")

    async def wait_until_changed(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work`, but cancel it and raise StaleRow when somebody else changes the row meanwhile.

        Use it for work that is slow and may be dropped: a member who cancels does not wait for it.
        """
        working = asyncio.create_task(work)
        changed = asyncio.create_task(self._wait_for_change())
        try:
            await asyncio.wait({working, changed}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise StaleRow(f"task {self.task.id} was changed meanwhile")
        finally:
            working.cancel()
            changed.cancel()
            await asyncio.gather(working, changed, return_exceptions=True)

    async def reload_with_retry(self) -> None:
        """Read the row in whatever state it is, however long the store takes to answer. Raises LeaseLost."""
        self.task = await self._read_with_retry()

    async def _read_with_retry(self) -> Task:
        async def read() -> Task:
            task = await self._resources.store.tasks.get(self.task.id)
            if task is None:
                raise StaleRow(f"task {self.task.id} is gone from the store")
            return task

        try:
            task = await self.retry(read)
        except StaleRow as gone:
            raise LeaseLost(str(gone)) from gone
        if task.fencing_token != self.task.fencing_token:
            raise LeaseLost(
                f"task {task.id} is worked on under lease {task.fencing_token}, not {self.task.fencing_token}"
            )
        return task

    async def retry(self, access: Callable[[], Awaitable[Task]]) -> Task:
        """Access the store until it answers. Raises StaleRow, as `access` does."""
        backoff = Backoff(self._resources.random, self._resources.timeouts.first_gap, most=10)
        for tries in itertools.count(1):
            try:
                return await access()
            except StaleRow:
                raise
            except Exception as error:
                fault = error if tries == 1 else None
                log.warning(
                    "task %d: the store did not accept a write, trying again",
                    self.task.id,
                    exc_info=fault,
                )
            # An outage of the store ends at some time; what lasts longer is a fault of this one write.
            await asyncio.sleep(backoff.next() if tries < _OUTAGE_TRIES else self._resources.timeouts.unexpected)
        raise AssertionError("unreachable: it retries for ever")

    async def _wait_for_change(self) -> None:
        """Return when the row's state or place changed. Late news of the job's own changes does not count."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            now = await self._read_with_retry()
            if (now.state, now.place) != (self.task.state, self.task.place):
                return
