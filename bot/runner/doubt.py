"""Tasks that a restored backup left in doubt: what stands in Discord tells more of them than their rows.

Nothing is shown or posted for one before its reply was looked at, for the end may have been told after the backup was
made. (What may have been submitted since is `unclear` already: bot/store/restore.py.)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.runner.keeping import put_away
from bot.runner.tools import NotNow, Seen
from bot.task import Billed, State, Task

if TYPE_CHECKING:
    from bot.runner.job import Job

log = logging.getLogger(__name__)

_SAYS = {
    Seen.DELIVERED: "its film is in the reply already",
    Seen.ENDED: "its end stands in the reply already",
    Seen.NOWHERE: "its reply cannot be looked at, so nothing is posted; its film, if there is one, is kept for /tasks",
}


async def look_first(job: Job, task: Task) -> Task:
    """Look at the reply until Discord answers; return the row that goes with it, and hush the job if need be."""
    while True:
        try:
            seen = await job.tools.screen.look(task)
            break
        except NotNow as error:
            await job.rest(job.gaps.next(error.retry_after))
            task = await job.fresh(task)
    job.gaps.reset()
    if seen is Seen.UNDER_WAY:
        return task
    log.info("task %d (%s) comes from a backup: %s", task.id, task.state, _SAYS[seen])
    if seen is Seen.NOWHERE:
        job.hushed = task.place
        return task
    job.told_before = True
    told = {"told": True, "ping_due": False}
    if task.state.ended:
        ended = await job.surely(lambda: job.tools.store.note(task, **told))
    elif seen is Seen.DELIVERED:
        ended = await job.surely(lambda: job.move(task, State.DELIVERED, billed=Billed.YES, **told))
    else:
        ended = await job.surely(lambda: job.move(task, State.UNCLEAR, billed=Billed.UNKNOWN, **told))
    await put_away(job.tools, ended)
    return ended
