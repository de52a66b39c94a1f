"""The paid request: at most one that FoxAPI can have taken, whatever happens.

`sending` is written before the request goes out, so a row found in `sending` means "nobody knows" and becomes
`unclear`. The one exception is a row with `not_before`: there the last request was surely not taken, and it is written
down that no other is under way.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.task import Billed, Task, TaskState
from bot.foxapi import Rejected, Submission, SubmissionNotReceived, SubmissionUncertain
from bot.i18n.text import Translatable, tr
from bot.worker import eta

if TYPE_CHECKING:
    from bot.worker.job import Job

log = logging.getLogger(__name__)

_OUT_OF_REACH = tr("FoxAPI could not be reached for a long time: try again later.")


async def ask_for_slot(job: Job, task: Task, **prepared: object) -> Task:
    """Write down what was prepared, and send it if a running slot is free; else return its row, which waits for one."""
    resources = job.resources
    waiting = await resources.store.queue.mark_prepared(
        task, resources.operator_limits, resources.server_running, resources.now(), **prepared
    )
    job.show(waiting)
    if waiting.waits:
        log.info("task %d waits for a running slot", waiting.id)
        job.wait_for_slot()
    else:
        log.info("task %d %s", waiting.id, waiting.state)
        job.free_slot()
    return waiting


async def wait_for_slot(job: Job, task: Task) -> Task:
    """Rest until the runner, of whatever process, has given the task a slot; raises StaleRow then."""
    return await job.sleep_and_reload(task, job.resources.timeouts.queue_scan)


async def submit(job: Job, task: Task) -> Task:
    """Submit a task that has a running slot.

    Return its row: `rendering`, `unclear`, or `sending` with the time of the next try.
    """
    await job.until_changed(job.resources.circuit_breaker.wait())
    recent = (
        await job.resources.store.tasks.recent_durations()
    )  # now, for nothing may stand between FoxAPI's answer and its record
    task = await job.move(task, TaskState.SUBMITTING, not_before=None)
    # Also when the bot is stopped the answer is worth waiting for: without it nobody will know what was paid.
    task = await job.run_to_completion(_post(job, task, recent))
    if task.state is TaskState.RENDERING:
        return await job.sleep_and_reload(task, eta.next_poll(task, job.resources.now(), job.resources.poll_seconds))
    return task


async def resume(job: Job, task: Task) -> Task:
    """Go on with a row that stands in `sending`: try again if it surely was not taken, else it is unclear."""
    if task.not_before is None:
        return await unclear(job, task, "the bot ended before FoxAPI's answer came")
    await job.sleep((task.not_before - job.resources.now()).total_seconds())
    if (job.resources.now() - task.not_before).total_seconds() > job.resources.timeouts.submit_total:
        # The bot was away. Addresses of clips live for a day (Discord) or three (FoxAPI): this one may be dead by now,
        # and FoxAPI might bill a task that has no clip.
        return await _rejected(job, task, _OUT_OF_REACH)
    return await submit(job, await job.reload(task))


async def unclear(job: Job, task: Task, why: str) -> Task:
    """End a task whose paid request may or may not have been taken."""
    log.warning("task %d: the answer to the paid request was lost (%s): it may have been billed", task.id, why)
    return await job.write_with_retry(lambda: job.move(task, TaskState.UNCLEAR, billed=Billed.UNKNOWN))


async def _post(job: Job, task: Task, recent: Sequence[float]) -> Task:
    order, resources = task.order, job.resources
    if (
        not resources.store.leases.is_valid
    ):  # it was stopped since it wrote that it sends: somebody else may have found that
        return await _retry_later(
            job, task, SubmissionNotReceived("this process is not sure that the task is still its own")
        )
    try:
        answer = await resources.fox.submit(order.prompt, task.video_url or order.source_url, order.seconds)
    except Rejected as error:
        log.warning("task %d: FoxAPI refused it: %s", task.id, error)
        return await _rejected(job, task, error.message)
    except SubmissionNotReceived as error:
        return await _retry_later(job, task, error)
    except SubmissionUncertain as error:
        return await unclear(job, task, str(error))
    return await _accepted(job, task, answer, recent)


async def _accepted(job: Job, task: Task, answer: Submission, recent: Sequence[float]) -> Task:
    log.info("task %d: FoxAPI took it as %s", task.id, answer.remote_id)
    now = job.resources.now()
    expected = eta.initial_eta(now, answer.estimated_seconds, recent)
    known = {"remote_id": answer.remote_id, "submitted_at": now, "expected_at": expected, "credits": answer.credits}
    return await job.write_with_retry(lambda: job.move(task, TaskState.RENDERING, **known))


async def _rejected(job: Job, task: Task, sentence: Translatable) -> Task:
    return await job.write_with_retry(lambda: job.move(task, TaskState.FAILED, reason=sentence, billed=Billed.NO))


async def _retry_later(job: Job, task: Task, error: SubmissionNotReceived) -> Task:
    now = job.resources.now()
    if (now - task.state_changed_at).total_seconds() > job.resources.timeouts.submit_total:
        return await _rejected(job, task, _OUT_OF_REACH)
    not_before = now + timedelta(seconds=job.backoff.next(error.retry_after))
    log.info("task %d: not taken (%s); next try %s", task.id, error, not_before.isoformat(timespec="seconds"))
    return await job.write_with_retry(lambda: job.move(task, TaskState.SUBMITTING, not_before=not_before))
