"""What follows when a step of a task ends with an error that nobody expected.

Before payment the task ends after a few tries, and nothing is billed. After payment it is tried again for as long as
there is something to gain, with gaps that grow and never become small again, for nothing paid may be lost. In both
cases the row says until when the task waits; meanwhile it takes no slot, and a new start does not begin anew.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.errors import TaskFailed
from bot.domain.task import Billed, Task, TaskState
from bot.i18n.text import tr

if TYPE_CHECKING:
    from bot.worker.job import Job

log = logging.getLogger(__name__)

_FREE_TRIES, _TELLING_TRIES = 3, 8
"""How often a task is tried that costs nothing yet, and how often the end of one is told."""
_MOST_CRASHES = 4
"""Of the process, while a clip was being prepared; more than tries, for the clip need not be what they come from."""
_FACTOR = 4.0
"""By which each gap is longer than the last one."""
_BRIEF = 2.0
"""A wait of so many seconds is not worth giving a slot away for."""
_ODD_CLIP = tr(
    "Something unexpected went wrong on my side each time I prepared your clip: try another clip or another link, and "
    "if it happens again tell the people who run this bot."
)
_TOO_LATE = tr(
    "Something unexpected went wrong on my side whenever I went to get the finished video, and FoxAPI keeps it for a "
    "day only: it may have been billed; tell the people who run this bot, and try again."
)


async def recover(job: Job, task: Task, error: Exception) -> Task:
    """Note that a step of `task` went wrong, and until when it waits. Raises Failed where it is not tried again."""
    tries = task.tries + 1
    job.resources.unexpected_error(task.state)
    if tries == 1:
        log.error("task %d: a step of %s went wrong", task.id, task.state, exc_info=error)
    else:
        log.warning("task %d: a step of %s went wrong, try %d: %s", task.id, task.state, tries, type(error).__name__)
    if task.is_settled:
        return task
    if _is_free(task) and tries >= _FREE_TRIES:
        raise TaskFailed(_ODD_CLIP, Billed.NO)
    if task.state is TaskState.RENDERING and _is_too_late(job, task):
        raise TaskFailed(_TOO_LATE, Billed.UNKNOWN)
    if task.state.is_final and tries >= _TELLING_TRIES:
        log.error("task %d: its end cannot be told", task.id)
        return await job.write_with_retry(
            lambda: job.resources.store.tasks.update(task, tries=tries, outcome_shown=True, notification_due=False)
        )
    return await _rest_until(job, task, _gap(job, tries), tries=tries)


async def wait_for_next_try(job: Job, task: Task) -> Task:
    """Wait until a task may be tried again, and has a slot if it needs one; return its row. Raises StaleRow.

    A reply that is moved meanwhile is brought up to date, and ends no wait.
    """
    if task.retry_at is None:
        return task
    left = (task.retry_at - job.resources.now()).total_seconds()
    if left > 0:
        await job.sleep(left)
        seen = await job.reload(task)
        if seen.place != task.place:
            job.show(seen)
        return seen
    operator_limits, limit = job.resources.operator_limits, job.resources.server_running
    task = await job.write_with_retry(
        lambda: job.resources.store.queue.resume(task, operator_limits, limit, job.resources.now())
    )
    if task.retry_at is None:
        job.show(task)
    elif task.retry_at <= job.resources.now():  # there is no slot yet
        await job.sleep(job.resources.timeouts.slot * job.resources.random.uniform(0.75, 1.25))
        return await job.reload(task)
    return task


async def wait_between_tries(job: Job, task: Task, seconds: float) -> Task:
    """Wait in the middle of a free step, for something that is expected to pass; return the row. Raises StaleRow.

    A longer wait gives the task's slot away, and ends when it has one again.
    """
    if seconds <= _BRIEF:
        await job.sleep(seconds)
        return await job.reload(task)
    task = await _rest_until(job, task, seconds)
    while task.retry_at is not None:
        task = await wait_for_next_try(job, task)
    return task


def refuse_what_crashes(task: Task) -> None:
    """Raise Failed for a clip at which the process has ended too often."""
    if task.state is TaskState.PREPARING and task.crashes >= _MOST_CRASHES:
        log.error("task %d: %d processes ended while they prepared its clip", task.id, task.crashes)
        raise TaskFailed(_ODD_CLIP, Billed.NO)


async def _rest_until(job: Job, task: Task, seconds: float, **changes: object) -> Task:
    retry_at = job.resources.now() + timedelta(seconds=seconds)
    change = {"retry_at": retry_at, "at_risk": False, **changes}
    task = await job.write_with_retry(lambda: job.resources.store.tasks.update(task, **change))
    log.info("task %d: next try %s", task.id, retry_at.isoformat(timespec="seconds"))
    job.free_slot()
    job.show(task)
    return task


def _is_free(task: Task) -> bool:
    """Whether surely nothing was paid for it."""
    return task.state is TaskState.PREPARING or (task.state is TaskState.SUBMITTING and task.not_before is not None)


def _is_too_late(job: Job, task: Task) -> bool:
    since = task.submitted_at or task.state_changed_at
    return (job.resources.now() - since).total_seconds() > job.resources.timeouts.deadline


def _gap(job: Job, tries: int) -> float:
    timeouts = job.resources.timeouts
    longer: float = _FACTOR ** min(tries - 1, 10)
    return min(timeouts.unexpected, timeouts.first_gap * longer) * job.resources.random.uniform(0.75, 1.25)
