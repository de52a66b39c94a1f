"""One task's life: take its row a step on, again and again, until its end is told.

A step is a function from a row to the newer row. What goes wrong in one, and is not the task's own failure, is counted
in the row and tried again after a growing gap: a few times where it is free, and always where it was paid for.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from bot.domain.errors import TaskFailed
from bot.domain.task import ReplyTarget, Task, TaskState
from bot.i18n.text import Translatable
from bot.store import StaleRow
from bot.worker.recovery import recover, refuse_what_crashes, wait_for_next_try
from bot.worker.resources import JobResources
from bot.worker.steps.deliver import deliver
from bot.worker.steps.notify import notify
from bot.worker.steps.poll import Poll
from bot.worker.steps.prepare import prepare
from bot.worker.steps.reconcile import reconcile
from bot.worker.steps.submit import resume
from bot.worker.throttle import Backoff
from bot.worker.wakeups import Wakeups

log = logging.getLogger(__name__)

T = TypeVar("T")
_OUTAGE_TRIES = 60
"""About ten minutes of tries to write what must be kept; after them it is tried a few times an hour."""


class LeaseLost(Exception):
    """Another process works on this task now."""


class Job:
    """The work on one task. The runner owns the asyncio task that runs it."""

    def __init__(self, resources: JobResources, task: Task, wakeups: Wakeups, *, unverified: bool = False) -> None:
        """`doubtful`: the row is a restored backup's, so its reply may know better."""
        self.resources = resources
        self.silent_at: ReplyTarget | None = None
        """For a task whose reply is here nothing is shown or posted; what comes is kept to be asked for."""
        self.already_reported = False
        """Its end was told, to the moderators too, before a backup was put back."""
        self._unverified = unverified
        self._wakeups = wakeups
        self.backoff = Backoff(resources.random, resources.timeouts.first_gap)
        self._task = task
        self.completed_at: datetime | None = None
        """When FoxAPI was first seen to have completed it."""
        self._changed = asyncio.Event()
        self._was_notified = False
        """Whether it was nudged since :meth:`sleep_and_reload` last looked."""
        self._poll = Poll()

    @property
    def task(self) -> Task:
        """The row, as this job last saw it."""
        return self._task

    def notify_changed(self) -> None:
        """Its row was changed by somebody else: do not rest, look."""
        self._was_notified = True
        self._changed.set()

    def free_slot(self) -> None:
        """Its row no longer counts among those being prepared, or running: let the next in line in."""
        self._wakeups.notify()

    def wait_for_slot(self) -> None:
        """Its row waits for a running slot: say where it stands, and let the next one be prepared."""
        self._wakeups.notify(self._task.id)

    async def run(self) -> None:
        """Return when the task has ended and its member knows. Raises Lost."""
        while not self._task.is_settled:
            try:
                self._task = await self._step(self._task)
            except StaleRow:
                self._task = await self._reload_with_retry()
            except LeaseLost:
                raise
            except TaskFailed as failure:
                await self._fail(failure)
            except Exception as error:
                await self._recover(error)

    async def _step(self, task: Task) -> Task:
        refuse_what_crashes(task)
        if task.retry_at is not None:
            return await wait_for_next_try(self, task)
        if self._unverified:
            task = await reconcile(self, task)
            self._unverified = False
            return task
        return await self._work_on(task)

    async def _work_on(self, task: Task) -> Task:
        match task.state:
            case TaskState.PREPARING:
                return await prepare(self, task)
            case TaskState.SUBMITTING:
                return await resume(self, task)
            case TaskState.RENDERING:
                return await self._poll.run(self, task)
            case state if state.is_final and task.outcome_shown:
                return await notify(self, task)
            case _:
                return await deliver(self, task)

    async def move(self, task: Task, state: TaskState, **changes: object) -> Task:
        """Write the task's next state, say so in the log, and show it unless it is about to be delivered."""
        moved = await self.resources.store.tasks.transition(task, state, self.resources.now(), **changes)
        if state is not task.state:
            detail = _without_quotes(moved.reason) or (
                f"remote {moved.remote_id}" if state is TaskState.RENDERING else ""
            )
            log.info("task %d %s%s", moved.id, state, f" ({detail})" if detail else "")
        if state is TaskState.READY or state.is_final:
            self.free_slot()
        else:
            self.show(moved)
        return moved

    def show(self, task: Task) -> None:
        """Have the reply brought up to date; ends are delivered instead, and a doubtful one is looked at first."""
        if not self._unverified and not task.state.is_final and task.place != self.silent_at:
            self.resources.reply_port.update(task, self.resources.files(task).thumbnail if task.clip else None)

    async def sleep(self, seconds: float) -> None:
        """Wait, unless the row is changed by somebody else meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._changed_by_others()

    async def sleep_and_reload(self, task: Task, seconds: float) -> Task:
        """Sleep, then return the current row. Raises StaleRow."""
        await self.sleep(seconds)
        if self.resources.store.is_single_process and not self._was_notified:
            return task
        self._was_notified = False
        return await self.reload(task)

    async def sleep_unless_changed(self, seconds: float) -> None:
        """Wait; raises StaleRow when the row is changed by somebody else meanwhile."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._changed_by_others()
        except TimeoutError:
            return
        raise StaleRow(f"task {self._task.id} was changed meanwhile")

    async def until_changed(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, but drop it when the row is changed by somebody else meanwhile; then raises StaleRow.

        For what may take long and may be dropped: a member who cancels does not wait for a slow answer.
        """
        working = asyncio.create_task(work)
        changed = asyncio.create_task(self._changed_by_others())
        try:
            await asyncio.wait({working, changed}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise StaleRow(f"task {self._task.id} was changed meanwhile")
        finally:
            working.cancel()
            changed.cancel()
            await asyncio.gather(working, changed, return_exceptions=True)

    async def _changed_by_others(self) -> None:
        """Return when the row is no longer what this job works on; a nudge may also be late news of its beginning."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            now = await self._reload_with_retry()
            if (now.state, now.place) != (self._task.state, self._task.place):
                return

    async def run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`; when the bot is stopped meanwhile, give it `patience.stop` more seconds before it is dropped."""
        working = asyncio.create_task(work)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait({working}, timeout=self.resources.timeouts.shutdown)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            raise

    async def write_with_retry(self, write: Callable[[], Awaitable[Task]]) -> Task:
        """Write what must not be forgotten: try until the store takes it. Raises StaleRow, as `write` does."""
        backoff = Backoff(self.resources.random, self.resources.timeouts.first_gap, most=10)
        for tries in itertools.count(1):
            try:
                return await write()
            except StaleRow:
                raise
            except Exception as error:
                fault = error if tries == 1 else None
                log.warning(
                    "task %d: the store did not take what must be kept; trying again", self._task.id, exc_info=fault
                )
            # An outage of the store is over at some time; what lasts longer is an oddity of this one write.
            await asyncio.sleep(backoff.next() if tries < _OUTAGE_TRIES else self.resources.timeouts.unexpected)
        raise AssertionError("it tries for ever")

    async def reload(self, task: Task) -> Task:
        """The row as it is now, if it is still in the same state and this process's; raises StaleRow."""
        now = await self.resources.store.tasks.get(task.id)
        if now is None or now.state is not task.state or now.fencing_token != task.fencing_token:
            raise StaleRow(f"task {task.id} is no longer {task.state}")
        return now

    async def _recover(self, error: Exception) -> None:
        try:
            self._task = await self._reload_with_retry()
            self._task = await recover(self, self._task, error)
        except StaleRow:
            self._task = await self._reload_with_retry()
        except TaskFailed as failure:
            await self._fail(failure)

    async def _fail(self, failure: TaskFailed) -> None:
        change = {"reason": failure.message, "billed": failure.billed}
        try:
            self._task = await self.write_with_retry(lambda: self.move(self._task, TaskState.FAILED, **change))
        except StaleRow:
            self._task = await self._reload_with_retry()

    async def _reload_with_retry(self) -> Task:
        """Read the row anew, however long the store takes to answer. Raises Lost."""

        async def read() -> Task:
            task = await self.resources.store.tasks.get(self._task.id)
            if task is None:
                raise StaleRow(f"task {self._task.id} is gone from the store")
            return task

        try:
            task = await self.write_with_retry(read)
        except StaleRow as gone:
            raise LeaseLost(str(gone)) from gone
        if task.fencing_token != self._task.fencing_token:
            raise LeaseLost(
                f"task {task.id} is worked on under lease {task.fencing_token}, not {self._task.fencing_token}"
            )
        return task


def _without_quotes(reason: Translatable | None) -> str:
    """A reason for the log: without what it quotes, for FoxAPI's words may in turn quote a prompt."""
    words = str(reason) if reason else ""
    begin, end = words.find("“"), words.rfind("”")
    return f"{words[:begin]}“…”{words[end + 1 :]}" if 0 <= begin < end else words
