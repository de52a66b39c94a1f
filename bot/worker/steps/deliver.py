"""The last step: the end stands where the member sees it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.errors import TaskFailed
from bot.domain.reply_port import ReplyUnavailable, Undeliverable
from bot.domain.task import Billed, Task, TaskState
from bot.i18n.text import tr
from bot.media import DownloadFailed, UnusableVideo
from bot.worker.retention import archive
from bot.worker.steps.assemble import assemble
from bot.worker.steps.notify import should_notify

if TYPE_CHECKING:
    from bot.worker.job import Job

log = logging.getLogger(__name__)


async def deliver(job: Job, task: Task) -> Task:
    """Deliver a result, or tell any other end; return the row that records it. Raises Failed for a lost result."""
    made = None
    if task.state is TaskState.READY:
        result = job.resources.files(task).result
        if not await asyncio.to_thread(_is_complete, result):
            return await _download_again(job, task, result)
        task, made = await assemble(job, task)
    try:
        # Also when the bot is stopped: what was posted and not written down would be posted again.
        return await job.run_to_completion(_deliver_outcome(job, task, made))
    except ReplyUnavailable as error:
        log.warning("task %d: its end could not be shown yet: %s", task.id, error)
        await job.sleep(job.backoff.next(error.retry_after))
        return await job.reload(task)
    except Undeliverable as error:
        return await _undeliverable(job, task, error)


async def _deliver_outcome(job: Job, task: Task, result: Path | None) -> Task:
    wish = await job.resources.store.tasks.notify_preference(
        task.order.user_id
    )  # nothing may fail between delivery and record
    place, silent = task.place, task.place == job.silent_at
    if not silent:
        place = await job.resources.reply_port.deliver(task, result, job.resources.files(task).thumbnail)
    due = not silent and should_notify(task, place, wish, job.resources.now())
    told = {"place": place, "outcome_shown": True, "notification_due": due}
    if task.state is TaskState.READY:
        task = await job.write_with_retry(lambda: job.move(task, TaskState.DELIVERED, film=task.film, **told))
    else:
        task = await job.write_with_retry(lambda: job.resources.store.tasks.update(task, **told))
    await archive(job.resources, task)
    return task


async def _undeliverable(job: Job, task: Task, error: Undeliverable) -> Task:
    """Nobody can be told. A result is kept, for the way may open again; another end is let go."""
    log.warning("task %d: no way to show its end: %s", task.id, error)
    if task.state is not TaskState.READY:
        task = await job.resources.store.tasks.update(task, outcome_shown=True)
        await archive(job.resources, task)
        return task
    if not task.overdue:
        task = await job.resources.store.tasks.update(
            task, overdue=True
        )  # it no longer counts among its member's unfinished ones
    await job.sleep(job.resources.timeouts.undeliverable_retry)
    return await job.reload(task)


async def _download_again(job: Job, task: Task, result: Path) -> Task:
    """The disk has lost the result (DATA_DIR was not kept, or the power failed): FoxAPI has it for a day."""
    ends = task.result_url_expires_at
    if task.result_url is None or ends is None or job.resources.now() > ends:
        raise TaskFailed(
            tr("The finished video was lost on my side, and FoxAPI no longer has it; try again."), Billed.YES
        )
    log.warning("task %d: its result is not on the disk any more; fetching it again", task.id)
    await asyncio.to_thread(result.parent.mkdir, parents=True, exist_ok=True)
    try:
        await job.resources.results.fetch(task.result_url, result)
    except (DownloadFailed, UnusableVideo) as error:
        log.warning("task %d: result not fetched again yet: %s", task.id, error)
        await job.sleep(job.backoff.next(getattr(error, "retry_after", None)))
    return await job.reload(task)


def _is_complete(result: Path) -> bool:
    return result.is_file() and result.stat().st_size > 0
