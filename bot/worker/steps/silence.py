"""How long FoxAPI can be silent about a paid task: until it is overdue, and until nothing can come any more."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from bot.domain.errors import ExtendBotError, TaskFailed
from bot.domain.task import Billed, Task
from bot.i18n.text import tr
from bot.worker.step_result import StepContext

log = logging.getLogger(__name__)

_UNREACHABLE = timedelta(hours=1)
"""After a task's end a last poll is still waited for this long, while FoxAPI does not answer at all."""


class Silence(ExtendBotError):
    """FoxAPI has been silent for too long, while the task waited for its next poll."""


async def wait_for_permit(context: StepContext, task: Task) -> None:
    """Wait for the circuit breaker and the rate limiter.

    Raises StaleRow, and Silence when the task becomes overdue or comes to its end during the wait.
    """
    resources = context.resources
    while True:
        is_probe = resources.circuit_breaker.is_open
        if is_probe:
            left = _seconds_to_end(context, task) if task.overdue else _seconds_to_overdue(context, task)
            try:
                async with asyncio.timeout(max(0.0, left)):
                    await context.row.wait_until_changed(resources.circuit_breaker.wait())
            except TimeoutError as error:
                raise Silence from error
        await context.row.sleep_unless_changed(resources.rate_limiter.reserve())
        if is_probe or not resources.circuit_breaker.is_open:
            return  # otherwise the circuit breaker opened during the wait


def note_silence(context: StepContext, task: Task, *, is_silent: bool = False) -> dict[str, object]:
    """Return what makes the task overdue, if FoxAPI is silent for too long and it is not overdue yet."""
    if task.overdue or not (is_silent or _seconds_to_overdue(context, task) <= 0):
        return {}
    log.warning("task %d: no news from FoxAPI for a long time: overdue", task.id)
    return {"overdue": True}


def check_deadline(context: StepContext, task: Task, *, grace: timedelta = timedelta()) -> None:
    """Raise TaskFailed when FoxAPI has deleted the file, or its links no longer live long enough for a result."""
    resources, over = context.resources, context.resources.now() - grace
    if task.result_url_expires_at is not None:
        if over > task.result_url_expires_at:
            raise TaskFailed(
                tr(
                    "FoxAPI finished this video, but its file could not be downloaded before FoxAPI deleted it. It was "
                    "billed: tell the people who run this bot, and try again."
                ),
                Billed.YES,
            )
    elif (over - (task.submitted_at or task.state_changed_at)).total_seconds() > resources.timeouts.deadline:
        raise TaskFailed(tr("FoxAPI never finished this video: it may have been billed; try again."), Billed.UNKNOWN)


def check_unreachable(context: StepContext, task: Task) -> None:
    """Raise TaskFailed when FoxAPI has not answered until long after the task's end. See :func:`check_deadline`."""
    check_deadline(context, task, grace=_UNREACHABLE)


def _seconds_to_overdue(context: StepContext, task: Task) -> float:
    """Return in how many seconds FoxAPI will have been silent about the task for too long."""
    news_at, now = task.news_at or task.submitted_at or task.state_changed_at, context.resources.now()
    return context.resources.timeouts.no_progress - (now - news_at).total_seconds()


def _seconds_to_end(context: StepContext, task: Task) -> float:
    """Return in how many seconds :func:`check_unreachable` will raise."""
    resources, began = context.resources, task.submitted_at or task.state_changed_at
    ends = task.result_url_expires_at or began + timedelta(seconds=resources.timeouts.deadline)
    return (ends + _UNREACHABLE - resources.now()).total_seconds() + 1
