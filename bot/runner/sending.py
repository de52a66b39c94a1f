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

from bot.foxapi import Accepted, MaybeTaken, NotTaken, Rejected
from bot.phrase import Phrase, say
from bot.runner import estimate
from bot.task import Billed, State, Task

if TYPE_CHECKING:
    from bot.runner.job import Job

log = logging.getLogger(__name__)

_OUT_OF_REACH = say("FoxAPI could not be reached for a long time: try again later.")


async def ask_for_slot(job: Job, task: Task, **prepared: object) -> Task:
    """Write down what was prepared, and send it if a running slot is free; else return its row, which waits for one."""
    tools = job.tools
    waiting = await tools.store.prepared(task, tools.roofs, tools.server_running, tools.now(), **prepared)
    job.show(waiting)
    if waiting.waits:
        log.info("task %d waits for a running slot", waiting.id)
        job.stand_in_line()
    else:
        log.info("task %d %s", waiting.id, waiting.state)
        job.leave_slot()
    return waiting


async def wait_for_slot(job: Job, task: Task) -> Task:
    """Rest until the runner, of whatever process, has given the task a slot; raises Moved then."""
    return await job.later(task, job.tools.patience.line)


async def send(job: Job, task: Task) -> Task:
    """Submit a task that has a running slot.

    Return its row: `rendering`, `unclear`, or `sending` with the time of the next try.
    """
    await job.unless_nudged(job.tools.pause.turn())
    recent = (
        await job.tools.store.recent_durations()
    )  # now, for nothing may stand between FoxAPI's answer and its record
    task = await job.move(task, State.SENDING, not_before=None)
    # Also when the bot is stopped the answer is worth waiting for: without it nobody will know what was paid.
    task = await job.finish(_pay(job, task, recent))
    if task.state is State.RENDERING:
        return await job.later(task, estimate.next_query(task, job.tools.now(), job.tools.poll_seconds))
    return task


async def resume_sending(job: Job, task: Task) -> Task:
    """Go on with a row that stands in `sending`: try again if it surely was not taken, else it is unclear."""
    if task.not_before is None:
        return await unclear(job, task, "the bot ended before FoxAPI's answer came")
    await job.rest((task.not_before - job.tools.now()).total_seconds())
    if (job.tools.now() - task.not_before).total_seconds() > job.tools.patience.taken:
        # The bot was away. Addresses of clips live for a day (Discord) or three (FoxAPI): this one may be dead by now,
        # and FoxAPI might bill a task that has no clip.
        return await _not_taken(job, task, _OUT_OF_REACH)
    return await send(job, await job.fresh(task))


async def unclear(job: Job, task: Task, why: str) -> Task:
    """End a task whose paid request may or may not have been taken."""
    log.warning("task %d: the answer to the paid request was lost (%s): it may have been billed", task.id, why)
    return await job.surely(lambda: job.move(task, State.UNCLEAR, billed=Billed.UNKNOWN))


async def _pay(job: Job, task: Task, recent: Sequence[float]) -> Task:
    order, tools = task.order, job.tools
    if not tools.store.leases.sure:  # it was stopped since it wrote that it sends: somebody else may have found that
        return await _later(job, task, NotTaken("this process is not sure that the task is still its own"))
    try:
        answer = await tools.fox.submit(order.prompt, task.video_url or order.source_url, order.seconds)
    except Rejected as error:
        log.warning("task %d: FoxAPI refused it: %s", task.id, error)
        return await _not_taken(job, task, error.sentence)
    except NotTaken as error:
        return await _later(job, task, error)
    except MaybeTaken as error:
        return await unclear(job, task, str(error))
    return await _taken(job, task, answer, recent)


async def _taken(job: Job, task: Task, answer: Accepted, recent: Sequence[float]) -> Task:
    log.info("task %d: FoxAPI took it as %s", task.id, answer.remote_id)
    now = job.tools.now()
    expected = estimate.at_start(now, answer.estimated_seconds, recent)
    known = {"remote_id": answer.remote_id, "sent_at": now, "expected_at": expected, "credits": answer.credits}
    return await job.surely(lambda: job.move(task, State.RENDERING, **known))


async def _not_taken(job: Job, task: Task, sentence: Phrase) -> Task:
    return await job.surely(lambda: job.move(task, State.FAILED, reason=sentence, billed=Billed.NO))


async def _later(job: Job, task: Task, error: NotTaken) -> Task:
    now = job.tools.now()
    if (now - task.changed_at).total_seconds() > job.tools.patience.taken:
        return await _not_taken(job, task, _OUT_OF_REACH)
    not_before = now + timedelta(seconds=job.gaps.next(error.retry_after))
    log.info("task %d: not taken (%s); next try %s", task.id, error, not_before.isoformat(timespec="seconds"))
    return await job.surely(lambda: job.move(task, State.SENDING, not_before=not_before))
