"""The paid request: FoxAPI can have accepted at most one, whatever happens.

`sending` is written before the request goes out, so for a row found in `sending` nobody knows whether it was accepted,
and it becomes `unclear`. The one exception is a row with `not_before`: it records that the last request was certainly
not accepted and that no other is under way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from bot.domain.task import Billed, Task, TaskState
from bot.foxapi import Rejected, Submission, SubmissionNotReceived, SubmissionUncertain, TransientError
from bot.i18n.text import Translatable, tr
from bot.worker import eta
from bot.worker.poll_schedule import choose_first_gap
from bot.worker.resources import JobResources
from bot.worker.step_result import StepContext, StepResult

log = logging.getLogger(__name__)

_REFUSED_RETRY, _MAX_REFUSED = 5.0, 120.0
"""Seconds between two looks at a reply that a filter refuses, and until the task fails."""
_REPLY_REFUSED = tr(
    "A filter of this server blocks the bot's message, so nothing was sent to FoxAPI. Try it in another channel, or "
    "ask a moderator to allow the bot's messages."
)
_OUT_OF_REACH = tr("FoxAPI could not be reached for a long time: try again later.")


async def submit(context: StepContext, task: Task) -> StepResult:
    """Submit a task in `sending` that may be submitted (again); otherwise it is unclear what became of it."""
    resources = context.resources
    if task.not_before is None:
        return _record_unclear(task, "the bot ended before FoxAPI's answer came")
    left = (task.not_before - resources.now()).total_seconds()
    if left > 0:
        return StepResult(wait=left)
    if -left > resources.timeouts.submit_total:
        # The bot was away. A clip's URL works for a day (Discord) or three (FoxAPI): this one may no longer work, and
        # FoxAPI might bill a task that has no clip.
        return _record_rejection(_OUT_OF_REACH)
    if resources.circuit_breaker.is_open and not await _wait_for_foxapi(context, task):
        return _record_rejection(_OUT_OF_REACH)
    if await resources.reply_port.is_refused(task):
        # Nothing is paid for that this channel does not let the member see.
        waited = (resources.now() - task.state_changed_at).total_seconds()
        return StepResult(wait=_REFUSED_RETRY) if waited < _MAX_REFUSED else _record_rejection(_REPLY_REFUSED)
    # Read now, because nothing may come between FoxAPI's answer and its record.
    recent = await resources.store.tasks.list_recent_durations()
    # The request is an effect: `sending` is written first, and its answer is waited for even if the bot is stopped.
    return StepResult(
        state=TaskState.SUBMITTING, changes={"not_before": None}, effect=lambda row: _post(context, row, recent)
    )


async def _wait_for_foxapi(context: StepContext, task: Task) -> bool:
    """Wait until FoxAPI has answered a free request: a paid one is never a probe. Return whether it did so in time."""
    resources = context.resources
    waited = (resources.now() - task.state_changed_at).total_seconds()
    try:
        async with asyncio.timeout(resources.timeouts.submit_total - waited):
            await context.row.wait_until_changed(resources.circuit_breaker.wait_until_closed(lambda: _probe(resources)))
    except TimeoutError:
        return False
    return True


async def _probe(resources: JobResources) -> None:
    breaker = resources.circuit_breaker
    opening = breaker.opening
    try:
        await resources.fox.list_models()
    except TransientError as error:
        await breaker.record_failure(error, error.retry_after, opening)
    except Rejected as error:
        if error.concerns_all:
            await breaker.record_failure(error, None, opening)
            return
        await breaker.record_success()  # FoxAPI answers, although it does not list its models
    else:
        await breaker.record_success()


async def _report_failure(resources: JobResources, error: Exception, opening: float | None) -> None:
    """Open the circuit breaker, so that other paid requests wait. Never raises: this request's outcome comes first.

    Retry-After delays this task alone: polls need not wait as long.
    """
    try:
        await resources.circuit_breaker.record_failure(error, None, opening)
    except Exception as failure:
        log.warning("the circuit breaker could not be opened: %s", failure)


async def _post(context: StepContext, task: Task, recent: Sequence[float]) -> StepResult:
    order, resources = task.order, context.resources
    if not resources.store.leases.is_valid:
        # The process was suspended since it wrote `sending`, so another one may have taken the task over.
        return _retry_later(context, task, SubmissionNotReceived("this process may have lost its lease"))
    opening = resources.circuit_breaker.opening
    try:
        answer = await resources.fox.submit(order.prompt, task.video_url or order.source_url, order.seconds)
    except Rejected as error:
        log.warning("task %d: FoxAPI refused it: %s", task.id, error)
        if error.concerns_all:
            await _report_failure(resources, error, opening)
        return _record_rejection(error.message)
    except SubmissionNotReceived as error:
        await _report_failure(resources, error, opening)
        return _retry_later(context, task, error)
    except SubmissionUncertain as error:
        await _report_failure(resources, error, opening)
        return _record_unclear(task, str(error))
    return _record_acceptance(context, task, answer, recent)


def _record_acceptance(context: StepContext, task: Task, answer: Submission, recent: Sequence[float]) -> StepResult:
    log.info("task %d: FoxAPI accepted it as %s", task.id, answer.remote_id)
    resources, now = context.resources, context.resources.now()
    expected = eta.estimate_end(now, recent)
    known = {
        "remote_id": answer.remote_id,
        "submitted_at": now,
        "news_at": now,
        "expected_at": expected,
        "credits": answer.credits,
    }
    gap = choose_first_gap(resources.poll_seconds)
    return StepResult(state=TaskState.RENDERING, changes=known, must_record=True, wait=gap)


def _record_rejection(message: Translatable) -> StepResult:
    changes = {"reason": message, "billed": Billed.NO}
    return StepResult(state=TaskState.FAILED, changes=changes, must_record=True)


def _record_unclear(task: Task, why: str) -> StepResult:
    """End a task whose paid request may or may not have been accepted."""
    log.warning("task %d: the answer to the paid request was lost (%s): it may have been billed", task.id, why)
    return StepResult(state=TaskState.UNCLEAR, changes={"billed": Billed.UNKNOWN}, must_record=True)


def _retry_later(context: StepContext, task: Task, error: SubmissionNotReceived) -> StepResult:
    now = context.resources.now()
    if (now - task.state_changed_at).total_seconds() > context.resources.timeouts.submit_total:
        return _record_rejection(_OUT_OF_REACH)
    not_before = now + timedelta(seconds=context.backoff.next(error.retry_after))
    log.info("task %d: not accepted (%s); next try %s", task.id, error, not_before.isoformat(timespec="seconds"))
    return StepResult(state=TaskState.SUBMITTING, changes={"not_before": not_before}, must_record=True)
