"""Notifying a member, once, that a task which took long has ended: the edit that shows the end notifies nobody."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.domain.reply_port import ReplyUnavailable, Undeliverable
from bot.domain.task import NotifyPreference, ReplyTarget, Task, TaskState
from bot.worker.retention import archive

if TYPE_CHECKING:
    from bot.worker.job import Job

log = logging.getLogger(__name__)

_LONG = timedelta(minutes=1)
_STALE = timedelta(days=1)


def should_notify(task: Task, place: ReplyTarget, wish: NotifyPreference, now: datetime) -> bool:
    """Whether the member is to be notified of the end that now stands at `place`.

    Not where the end is private, came as a new message (which mentions them already), or was the member's own doing.
    """
    if place.ephemeral or place.message_id != task.place.message_id or task.state is TaskState.CANCELLED:
        return False
    return wish is NotifyPreference.ALWAYS or (wish is NotifyPreference.AUTO and now - task.created_at > _LONG)


async def notify(job: Job, task: Task) -> Task:
    """Notify the member of a told end; return the row that records it.

    That it is tried is written down first: whoever finds it tried looks whether the notification is there, so that
    there are never two of them.
    """
    await archive(job.resources, task)  # the last run may have ended just before that
    again = task.notification_attempted_at is not None
    if not again:
        task = await job.resources.store.tasks.update(task, notification_attempted_at=job.resources.now())
    try:
        # Also when the bot is stopped: it is better to know than to look.
        return await job.run_to_completion(_ping(job, task, again=again))
    except ReplyUnavailable as error:
        if job.resources.now() - task.state_changed_at < _STALE:
            await job.sleep(job.backoff.next(error.retry_after))
            return await job.reload(task)
        why: Exception = error
    except Undeliverable as error:
        why = error
    log.info("task %d: its member is not notified: %s", task.id, why)
    return await job.resources.store.tasks.update(task, notification_due=False)


async def _ping(job: Job, task: Task, *, again: bool) -> Task:
    await job.resources.reply_port.notify(task, again=again)
    return await job.write_with_retry(lambda: job.resources.store.tasks.update(task, notification_due=False))
