"""The last step: the end stands where the member sees it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from bot.media import Unfit, Unreachable
from bot.phrase import say
from bot.runner.finishing import finish
from bot.runner.keeping import put_away
from bot.runner.telling import ping_is_due
from bot.runner.tools import NotNow, NoWay
from bot.task import Billed, Failed, State, Task

if TYPE_CHECKING:
    from bot.runner.job import Job

log = logging.getLogger(__name__)


async def deliver(job: Job, task: Task) -> Task:
    """Deliver a result, or tell any other end; return the row that records it. Raises Failed for a lost result."""
    made = None
    if task.state is State.READY:
        result = job.tools.files(task).result
        if not await asyncio.to_thread(_whole, result):
            return await _fetched_again(job, task, result)
        task, made = await finish(job, task)
    try:
        # Also when the bot is stopped: what was posted and not written down would be posted again.
        return await job.finish(_bring(job, task, made))
    except NotNow as error:
        log.warning("task %d: its end could not be shown yet: %s", task.id, error)
        await job.rest(job.gaps.next(error.retry_after))
        return await job.fresh(task)
    except NoWay as error:
        return await _kept(job, task, error)


async def _bring(job: Job, task: Task, result: Path | None) -> Task:
    wish = await job.tools.store.catalogue.notify(task.order.user_id)  # nothing may fail between delivery and record
    place, silent = task.place, task.place == job.hushed
    if not silent:
        place = await job.tools.screen.deliver(task, result, job.tools.files(task).still)
    due = not silent and ping_is_due(task, place, wish, job.tools.now())
    told = {"place": place, "told": True, "ping_due": due}
    if task.state is State.READY:
        task = await job.surely(lambda: job.move(task, State.DELIVERED, film=task.film, **told))
    else:
        task = await job.surely(lambda: job.tools.store.note(task, **told))
    await put_away(job.tools, task)
    return task


async def _kept(job: Job, task: Task, error: NoWay) -> Task:
    """Nobody can be told. A result is kept, for the way may open again; another end is let go."""
    log.warning("task %d: no way to show its end: %s", task.id, error)
    if task.state is not State.READY:
        task = await job.tools.store.note(task, told=True)
        await put_away(job.tools, task)
        return task
    if not task.overdue:
        task = await job.tools.store.note(task, overdue=True)  # it no longer counts among its member's unfinished ones
    await job.rest(job.tools.patience.no_way)
    return await job.fresh(task)


async def _fetched_again(job: Job, task: Task, result: Path) -> Task:
    """The disk has lost the result (DATA_DIR was not kept, or the power failed): FoxAPI has it for a day."""
    ends = task.result_url_ends
    if task.result_url is None or ends is None or job.tools.now() > ends:
        raise Failed(say("The finished video was lost on my side, and FoxAPI no longer has it; try again."), Billed.YES)
    log.warning("task %d: its result is not on the disk any more; fetching it again", task.id)
    await asyncio.to_thread(result.parent.mkdir, parents=True, exist_ok=True)
    try:
        await job.tools.results.fetch(task.result_url, result)
    except (Unreachable, Unfit) as error:
        log.warning("task %d: result not fetched again yet: %s", task.id, error)
        await job.rest(job.gaps.next(getattr(error, "retry_after", None)))
    return await job.fresh(task)


def _whole(result: Path) -> bool:
    return result.is_file() and result.stat().st_size > 0
