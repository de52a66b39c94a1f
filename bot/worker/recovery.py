"""What follows an unexpected error in a step of a task.

Before payment, the task fails after a few tries and nothing is billed. After payment, it is tried again for as long as
there is something to gain, with gaps that grow and never shrink, so that nothing paid is lost. In both cases the row
says until when the task waits; meanwhile it takes no slot, and a restart of the bot does not restart the gaps.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.domain.errors import TaskFailed
from bot.domain.task import Billed, Task, TaskState
from bot.i18n.text import tr
from bot.worker.resources import JobResources
from bot.worker.step_result import StepResult

log = logging.getLogger(__name__)

_FREE_TRIES, _DELIVERY_TRIES = 3, 8
"""Tries of a task that has cost nothing yet, and tries to show the outcome of one that has ended."""
_MAX_CRASHES = 4
"""Crashes of the process while a clip was prepared; more than tries, because the clip need not be their cause."""
_FACTOR = 4.0
"""Each gap is this many times the one before."""
_BRIEF = 2.0
"""A task keeps its slot during a wait of at most this many seconds."""
_ODD_CLIP = tr(
    "Something unexpected went wrong each time the bot prepared your clip: try another clip or another link, and "
    "if it happens again tell the people who run this bot."
)
_TOO_LATE = tr(
    "Something unexpected went wrong each time the bot downloaded the finished video, and FoxAPI keeps it for a "
    "day only: it may have been billed; tell the people who run this bot, and try again."
)


def recover(resources: JobResources, task: Task, error: Exception) -> StepResult:
    """Log an unexpected error and return until when the task waits. Raises TaskFailed if it is not tried again."""
    tries = task.tries + 1
    resources.unexpected_error(task.state)
    if tries == 1:
        log.error("task %d: a step of %s went wrong", task.id, task.state, exc_info=error)
    else:
        log.warning("task %d: a step of %s went wrong, try %d: %s", task.id, task.state, tries, type(error).__name__)
    if task.is_settled:
        return StepResult()
    if _is_free(task) and tries >= _FREE_TRIES:
        raise TaskFailed(_ODD_CLIP, Billed.NO)
    if task.state is TaskState.RENDERING and _is_too_late(resources, task):
        raise TaskFailed(_TOO_LATE, Billed.UNKNOWN)
    if task.state.is_final and tries >= _DELIVERY_TRIES:
        log.error("task %d: its outcome cannot be shown", task.id)
        given_up = {"tries": tries, "outcome_shown": True, "notification_due": False}
        return StepResult(changes=given_up, must_record=True)
    return _postpone(resources, _compute_gap(resources, tries), tries=tries)


def pause(resources: JobResources, seconds: float) -> StepResult:
    """Return a wait, in the middle of a free step, for something that is expected to pass.

    During a longer wait the task gives its slot away; it goes on when it has one again.
    """
    return StepResult(wait=seconds) if seconds <= _BRIEF else _postpone(resources, seconds)


def refuse_crashing_clip(task: Task) -> None:
    """Raise TaskFailed if the process crashed too often while it prepared the task's clip."""
    if task.state is TaskState.PREPARING and task.crashes >= _MAX_CRASHES:
        log.error("task %d: %d processes ended while they prepared its clip", task.id, task.crashes)
        raise TaskFailed(_ODD_CLIP, Billed.NO)


def _postpone(resources: JobResources, seconds: float, **changes: object) -> StepResult:
    retry_at = resources.now() + timedelta(seconds=seconds)
    waiting = {"retry_at": retry_at, "at_risk": False, **changes}
    return StepResult(changes=waiting, must_record=True, show=True)


def _is_free(task: Task) -> bool:
    """Whether it is certain that nothing was paid for the task."""
    return task.state is TaskState.PREPARING or (task.state is TaskState.SUBMITTING and task.not_before is not None)


def _is_too_late(resources: JobResources, task: Task) -> bool:
    since = task.submitted_at or task.state_changed_at
    return (resources.now() - since).total_seconds() > resources.timeouts.deadline


def _compute_gap(resources: JobResources, tries: int) -> float:
    timeouts = resources.timeouts
    growth: float = _FACTOR ** min(tries - 1, 10)
    return min(timeouts.unexpected, timeouts.first_gap * growth) * resources.random.uniform(0.75, 1.25)
