"""Tasks that a restored backup left in doubt: what stands in Discord tells more of them than their rows.

Nothing is shown or posted for one before its reply was looked at, for the end may have been told after the backup was
made. (What may have been submitted since is `unclear` already: bot/store/admin/restore.py.)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.domain.reply_port import ReplyState, ReplyUnavailable
from bot.domain.task import Billed, Task, TaskState
from bot.worker.retention import archive

if TYPE_CHECKING:
    from bot.worker.job import Job

log = logging.getLogger(__name__)

_SAYS = {
    ReplyState.DELIVERED: "its film is in the reply already",
    ReplyState.ENDED: "its end stands in the reply already",
    ReplyState.UNREADABLE: "its reply cannot be read, so nothing is posted; its film is stored for /tasks",
}


async def reconcile(job: Job, task: Task) -> Task:
    """Look at the reply until Discord answers; return the row that goes with it, and hush the job if need be."""
    while True:
        try:
            seen = await job.resources.reply_port.read_state(task)
            break
        except ReplyUnavailable as error:
            await job.sleep(job.backoff.next(error.retry_after))
            task = await job.reload(task)
    job.backoff.reset()
    if seen is ReplyState.RUNNING:
        return task
    log.info("task %d (%s) comes from a backup: %s", task.id, task.state, _SAYS[seen])
    if seen is ReplyState.UNREADABLE:
        job.silent_at = task.place
        return task
    job.already_reported = True
    told = {"outcome_shown": True, "notification_due": False}
    if task.state.is_final:
        ended = await job.write_with_retry(lambda: job.resources.store.tasks.update(task, **told))
    elif seen is ReplyState.DELIVERED:
        ended = await job.write_with_retry(lambda: job.move(task, TaskState.DELIVERED, billed=Billed.YES, **told))
    else:
        ended = await job.write_with_retry(lambda: job.move(task, TaskState.UNCLEAR, billed=Billed.UNKNOWN, **told))
    await archive(job.resources, ended)
    return ended
