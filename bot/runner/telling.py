"""Notifying a member, once, that a task which took long has ended: the edit that shows the end notifies nobody."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.runner.keeping import put_away
from bot.runner.tools import NotNow, NoWay
from bot.task import Notify, Place, State, Task

if TYPE_CHECKING:
    from bot.runner.job import Job

log = logging.getLogger(__name__)

_LONG = timedelta(minutes=1)
_STALE = timedelta(days=1)


def ping_is_due(task: Task, place: Place, wish: Notify, now: datetime) -> bool:
    """Whether the member is to be notified of the end that now stands at `place`.

    Not where the end is private, came as a new message (which mentions them already), or was the member's own doing.
    """
    if place.ephemeral or place.message_id != task.place.message_id or task.state is State.CANCELLED:
        return False
    return wish is Notify.ALWAYS or (wish is Notify.AUTO and now - task.created_at > _LONG)


async def tell(job: Job, task: Task) -> Task:
    """Notify the member of a told end; return the row that records it.

    That it is tried is written down first: whoever finds it tried looks whether the notification is there, so that
    there are never two of them.
    """
    await put_away(job.tools, task)  # the last run may have ended just before that
    again = task.ping_at is not None
    if not again:
        task = await job.tools.store.note(task, ping_at=job.tools.now())
    try:
        # Also when the bot is stopped: it is better to know than to look.
        return await job.finish(_ping(job, task, again=again))
    except NotNow as error:
        if job.tools.now() - task.changed_at < _STALE:
            await job.rest(job.gaps.next(error.retry_after))
            return await job.fresh(task)
        why: Exception = error
    except NoWay as error:
        why = error
    log.info("task %d: its member is not notified: %s", task.id, why)
    return await job.tools.store.note(task, ping_due=False)


async def _ping(job: Job, task: Task, *, again: bool) -> Task:
    await job.tools.screen.ping(task, again=again)
    return await job.surely(lambda: job.tools.store.note(task, ping_due=False))
