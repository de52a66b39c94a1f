"""Job: runs the steps of one task, one after another, until its outcome is shown, and alone writes its row.

A step returns a :class:`StepResult`; the job writes it. An error that is not the task's own failure is counted in the
row and the step is tried again after a growing gap: a few times if that is free, and always if the task was paid for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from bot.domain.errors import TaskFailed
from bot.domain.reply_port import ReplyState
from bot.domain.task import ReplyTarget, Task, TaskState
from bot.i18n.text import Translatable
from bot.store import StaleRow
from bot.worker.current_row import CurrentRow, LeaseLost
from bot.worker.recovery import recover, refuse_crashing_clip
from bot.worker.resources import JobResources
from bot.worker.retention import archive
from bot.worker.step_result import StepContext, StepResult, record_failure
from bot.worker.steps.deliver import Deliver
from bot.worker.steps.notify import notify
from bot.worker.steps.poll import Poll
from bot.worker.steps.prepare import Prepare
from bot.worker.steps.reconcile import reconcile
from bot.worker.steps.submit import submit
from bot.worker.throttle import Backoff
from bot.worker.wakeups import Wakeups

log = logging.getLogger(__name__)

T = TypeVar("T")


class Job:
    """The work on one task. The worker owns the asyncio task that runs it."""

    def __init__(self, resources: JobResources, task: Task, wakeups: Wakeups, *, unverified: bool = False) -> None:
        """`unverified`: the row comes from a restored backup, so the task's reply may be newer than the row."""
        self._resources = resources
        self._wakeups = wakeups
        self._row = CurrentRow(resources, task)
        self._unverified = unverified
        self._silent_at: ReplyTarget | None = None
        """Nothing is shown or posted while the task's reply is there: the member finds the outcome in /tasks."""
        self.already_reported = False
        """The outcome was shown, to the moderators too, before a backup was restored."""
        backoff = Backoff(resources.random, resources.timeouts.first_gap)
        self._context = StepContext(resources, self._row, backoff, self._show, self._is_silent)
        self._prepare, self._poll, self._deliver = Prepare(), Poll(resources.poll_seconds), Deliver()

    @property
    def task(self) -> Task:
        """The row, as this job last saw it."""
        return self._row.task

    @property
    def completed_at(self) -> datetime | None:
        """When FoxAPI was first seen to have completed the task."""
        return self._poll.completed_at

    def notify_changed(self) -> None:
        """Announce that somebody else changed the row; this ends waits."""
        self._row.notify_changed()

    async def run(self) -> None:
        """Return when the task has ended and its member knows. Raises LeaseLost."""
        while not self.task.is_settled:
            try:
                await self._run_step(self.task)
            except StaleRow:
                await self._row.reload_with_retry()
            except LeaseLost:
                raise
            except TaskFailed as failure:
                await self._fail(failure)
            except Exception as error:
                await self._recover(error)

    async def _run_step(self, task: Task) -> None:
        refuse_crashing_clip(task)
        if task.retry_at is not None:
            await self._wait_for_next_try(task.retry_at)
        elif self._unverified:
            await self._reconcile(task)
        else:
            await self._apply(await self._work_on(task))

    async def _work_on(self, task: Task) -> StepResult:
        match task.state:
            case TaskState.PREPARING:
                return await self._prepare.run(self._context, task)
            case TaskState.SUBMITTING:
                return await submit(self._context, task)
            case TaskState.RENDERING:
                return await self._poll.run(self._context, task)
            case state if state.is_final and task.outcome_shown:
                return await notify(self._context, task)
            case _:
                return await self._deliver.run(self._context, task)

    async def _reconcile(self, task: Task) -> None:
        seen, result = await reconcile(self._context, task)
        if seen is ReplyState.UNREADABLE:
            self._silent_at = task.place
        self.already_reported = seen in {ReplyState.DELIVERED, ReplyState.ENDED}
        await self._apply(result)
        self._unverified = seen is None

    async def _apply(self, result: StepResult) -> None:
        """Do what a step asks for. Raises StaleRow if the row is no longer as the step saw it."""
        if result.effect is None:
            await self._write_and_archive(result)
        else:
            # Together: a task stopped between its write of `sending` and the paid request would be unclear for nothing.
            result = await self._run_to_completion(self._write_and_perform(result, result.effect))
        if result.wait is not None:
            await self._row.sleep_and_reload(result.wait)

    async def _write_and_perform(
        self, before: StepResult, effect: Callable[[Task], Awaitable[StepResult]]
    ) -> StepResult:
        task = self.task
        try:
            await self._write_and_archive(before)
        except Exception:
            # Whether or not the row was written, nothing was sent.
            if before.state is TaskState.SUBMITTING and task.not_before is not None:
                await self._row.retry(lambda: self._resources.store.tasks.update(task, not_before=task.not_before))
            raise
        result = await effect(self.task)
        await self._write_and_archive(result)
        return result

    async def _write_and_archive(self, result: StepResult) -> None:
        was_shown = self.task.outcome_shown
        await self._write(result)
        if self.task.outcome_shown and not was_shown:
            await archive(self._resources, self.task)

    async def _write(self, result: StepResult) -> None:
        """Write the row; then log the change, update the reply and wake the worker if a slot became free."""
        before = self.task
        if result.must_record:
            after = await self._row.retry(lambda: self._write_once(before, result))
        else:
            after = await self._write_once(before, result)
        self._row.task = after
        self._announce(before, result)

    async def _write_once(self, task: Task, result: StepResult) -> Task:
        store, now = self._resources.store, self._resources.now()
        if result.prepared:
            limits, running = self._resources.operator_limits, self._resources.server_running
            return await store.queue.mark_prepared(task, limits, running, now, **result.changes)
        if result.state is not None:
            return await store.tasks.transition(task, result.state, now, **result.changes)
        return await store.tasks.update(task, **result.changes) if result.changes else task

    def _announce(self, before: Task, result: StepResult) -> None:
        after = self.task
        if after.waits and not before.waits:
            log.info("task %d waits for a running slot", after.id)
        elif after.state is not before.state:
            log.info("task %d %s%s", after.id, after.state, _log_detail(after))
        elif "retry_at" in result.changes and after.retry_at is not None:
            log.info("task %d: next try %s", after.id, after.retry_at.isoformat(timespec="seconds"))
        shown_as_outcome = after.state is TaskState.READY or after.state.is_final
        if result.show or (after is not before and not shown_as_outcome):
            self._show(after)
        if after.waits and not before.waits:
            self._wakeups.notify(after.id)
        elif _frees_slot(before, after):
            self._wakeups.notify()

    def _show(self, task: Task) -> None:
        """Have the reply brought up to date, unless the outcome is delivered instead or the reply may be newer."""
        if not self._unverified and not task.state.is_final and not self._is_silent(task):
            self._resources.reply_port.update(task, self._resources.get_files(task).thumbnail if task.clip else None)

    def _is_silent(self, task: Task) -> bool:
        return task.place == self._silent_at

    async def _wait_for_next_try(self, retry_at: datetime) -> None:
        """Wait until the task may be tried again, and has a slot if it needs one. Raises StaleRow.

        If the reply is moved meanwhile, it is brought up to date.
        """
        resources, before = self._resources, self.task
        left = (retry_at - resources.now()).total_seconds()
        if left > 0:
            await self._row.sleep_and_reload(left)
            if self.task.place != before.place:
                self._show(self.task)
            return
        limits, running = resources.operator_limits, resources.server_running
        self._row.task = await self._row.retry(
            lambda: resources.store.queue.resume(before, limits, running, resources.now())
        )
        if self.task.retry_at is None:
            self._show(self.task)
        elif self.task.retry_at <= resources.now():  # no slot is free yet
            await self._row.sleep_and_reload(resources.timeouts.slot * resources.random.uniform(0.75, 1.25))

    async def _run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work`; if the bot is stopped meanwhile, cancel it only after `timeouts.shutdown` more seconds.

        Further cancellations do not shorten that time.
        """
        working = asyncio.create_task(work)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            clock = asyncio.get_running_loop().time
            ends = clock() + self._resources.timeouts.shutdown
            while not working.done():
                if clock() >= ends:
                    working.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({working}, timeout=max(0.1, ends - clock()))
            if not working.cancelled() and (error := working.exception()):
                log.info("task %d: a request failed while the bot was stopping: %s", self.task.id, error)
            raise

    async def _recover(self, error: Exception) -> None:
        self._prepare = Prepare()  # what it has kept may be what is wrong
        try:
            await self._row.reload_with_retry()
            await self._write(recover(self._resources, self.task, error))
        except StaleRow:
            await self._row.reload_with_retry()
        except TaskFailed as failure:
            await self._fail(failure)

    async def _fail(self, failure: TaskFailed) -> None:
        try:
            await self._write(record_failure(failure))
        except StaleRow:
            await self._row.reload_with_retry()


def _frees_slot(before: Task, after: Task) -> bool:
    """Whether the task no longer counts as being prepared or running since the last write."""
    if after.state is not before.state or after.prepared_at != before.prepared_at:
        return after.prepared_at != before.prepared_at or after.state is TaskState.READY or after.state.is_final
    return (after.retry_at is not None and after.retry_at != before.retry_at) or (after.overdue and not before.overdue)


def _log_detail(task: Task) -> str:
    if task.state is TaskState.RENDERING:
        return f" (remote {task.remote_id})"
    reason = _without_quotes(task.reason)
    return f" ({reason})" if reason else ""


def _without_quotes(reason: Translatable | None) -> str:
    """A reason for the log, without what it quotes: FoxAPI's message may in turn quote a prompt."""
    text = str(reason) if reason else ""
    begin, end = text.find("“"), text.rfind("”")
    return f"{text[:begin]}“…”{text[end + 1 :]}" if 0 <= begin < end else text
