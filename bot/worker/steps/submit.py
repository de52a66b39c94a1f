"""The paid request: FoxAPI can have accepted at most one, whatever happens.

`sending` is written before the request goes out, so for a row found in `sending` nobody knows whether it was accepted,
and it becomes `unclear`. The one exception is a row with `not_before`: it records that the last request was certainly
not accepted and that no other is under way.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from bot.domain.task import Billed, Task, TaskState
from bot.foxapi import Rejected, Submission, SubmissionNotReceived, SubmissionUncertain
from bot.i18n.text import Translatable, tr
from bot.worker import eta
from bot.worker.step_result import StepContext, StepResult

log = logging.getLogger(__name__)

_OUT_OF_REACH = tr("FoxAPI could not be reached for a long time: try again later.")


async def submit(context: StepContext, task: Task) -> StepResult:
    """Submit a task in `sending` that may be submitted (again); otherwise it is unclear what became of it."""
    resources = context.resources
    if task.not_before is None:
        return _unclear(task, "the bot ended before FoxAPI's answer came")
    left = (task.not_before - resources.now()).total_seconds()
    if left > 0:
        return StepResult(wait=left)
    if -left > resources.timeouts.submit_total:
        # The bot was away. A clip's URL works for a day (Discord) or three (FoxAPI): this one may no longer work, and
        # FoxAPI might bill a task that has no clip.
        return _rejected(_OUT_OF_REACH)
    await context.row.until_changed(resources.circuit_breaker.wait())
    # Read now, because nothing may come between FoxAPI's answer and its record.
    recent = await resources.store.tasks.recent_durations()
    # The request is an effect: `sending` is written first, and its answer is waited for even if the bot is stopped.
    return StepResult(
        state=TaskState.SUBMITTING, changes={"not_before": None}, effect=lambda row: _post(context, row, recent)
    )


async def _post(context: StepContext, task: Task, recent: Sequence[float]) -> StepResult:
    order, resources = task.order, context.resources
    if not resources.store.leases.is_valid:
        # The process was suspended since it wrote `sending`, so another one may have taken the task over.
        return _retry_later(context, task, SubmissionNotReceived("this process may have lost its lease"))
    try:
        answer = await resources.fox.submit(order.prompt, task.video_url or order.source_url, order.seconds)
    except Rejected as error:
        log.warning("task %d: FoxAPI refused it: %s", task.id, error)
        return _rejected(error.message)
    except SubmissionNotReceived as error:
        return _retry_later(context, task, error)
    except SubmissionUncertain as error:
        return _unclear(task, str(error))
    return _accepted(context, task, answer, recent)


def _accepted(context: StepContext, task: Task, answer: Submission, recent: Sequence[float]) -> StepResult:
    log.info("task %d: FoxAPI accepted it as %s", task.id, answer.remote_id)
    resources, now = context.resources, context.resources.now()
    expected = eta.initial_eta(now, answer.estimated_seconds, recent)
    known = {"remote_id": answer.remote_id, "submitted_at": now, "expected_at": expected, "credits": answer.credits}
    gap = eta.next_poll(task.model_copy(update=known), now, resources.poll_seconds)
    return StepResult(state=TaskState.RENDERING, changes=known, must_record=True, wait=gap)


def _rejected(message: Translatable) -> StepResult:
    changes = {"reason": message, "billed": Billed.NO}
    return StepResult(state=TaskState.FAILED, changes=changes, must_record=True)


def _unclear(task: Task, why: str) -> StepResult:
    """End a task whose paid request may or may not have been accepted."""
    log.warning("task %d: the answer to the paid request was lost (%s): it may have been billed", task.id, why)
    return StepResult(state=TaskState.UNCLEAR, changes={"billed": Billed.UNKNOWN}, must_record=True)


def _retry_later(context: StepContext, task: Task, error: SubmissionNotReceived) -> StepResult:
    now = context.resources.now()
    if (now - task.state_changed_at).total_seconds() > context.resources.timeouts.submit_total:
        return _rejected(_OUT_OF_REACH)
    not_before = now + timedelta(seconds=context.backoff.next(error.retry_after))
    log.info("task %d: not accepted (%s); next try %s", task.id, error, not_before.isoformat(timespec="seconds"))
    return StepResult(state=TaskState.SUBMITTING, changes={"not_before": not_before}, must_record=True)
