"""The last step: the end stands where the member sees it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.runner.finishing import finish
from bot.runner.tools import NotNow, NoWay
from bot.task import State, Task

if TYPE_CHECKING:
    from bot.runner.job import Job

log = logging.getLogger(__name__)


async def deliver(job: Job, task: Task) -> Task:
    """Deliver a result, or tell any other end; return the row that records it."""
    result = None
    if task.state is State.READY:
        task, result = await finish(job, task)
    try:
        place = await job.tools.screen.deliver(task, result, job.tools.files(task).still)
    except NotNow as error:
        log.warning("task %d: its end could not be shown yet: %s", task.id, error)
        await job.rest(job.gaps.next(error.retry_after))
        return await job.fresh(task)
    except NoWay as error:
        return await _kept(job, task, error)
    if task.state is State.READY:
        task = await job.surely(lambda: job.move(task, State.DELIVERED, place=place, told=True))
    else:
        task = await job.surely(lambda: job.tools.store.note(task, place=place, told=True))
    await _clear(job, task)
    return task


async def _kept(job: Job, task: Task, error: NoWay) -> Task:
    """Nobody can be told. A result is kept, for the way may open again; another end is let go."""
    log.warning("task %d: no way to show its end: %s", task.id, error)
    if task.state is not State.READY:
        task = await job.tools.store.note(task, told=True)
        await _clear(job, task)
        return task
    if not task.overdue:
        task = await job.tools.store.note(task, overdue=True)  # it no longer counts among its member's unfinished ones
    await job.rest(job.tools.patience.no_way)
    return await job.fresh(task)


async def _clear(job: Job, task: Task) -> None:
    await job.tools.folders.remove(task.id)
