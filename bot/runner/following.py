"""From FoxAPI's task id to the result on disk: ask, be patient, download at once."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.foxapi import Passing, Rejected, Remote, RemoteStatus, UnknownTask
from bot.media import Unfit, Unreachable, probe
from bot.phrase import say
from bot.runner import estimate
from bot.task import Billed, Clip, Failed, State, Task

if TYPE_CHECKING:
    from bot.runner.job import Job

log = logging.getLogger(__name__)

_LINK_LIVES = timedelta(hours=24)
_BAD_FILES = 3


class Following:
    """What one job remembers between two looks at its task. All of it may be lost: it only bounds waiting."""

    def __init__(self) -> None:
        self._still = 0.0
        """Seconds in which FoxAPI answered and nothing had changed."""
        self._completed = False
        """Whether it was last said to be completed; the patience for its link begins then."""
        self._bad_files = 0

    async def look(self, job: Job, task: Task) -> Task:
        """Ask FoxAPI once, and do what its answer asks for. Raises Failed when the task ended without a result."""
        tools = job.tools
        try:
            await _turn(job)
            remote = await job.unless_nudged(tools.fox.task(task.remote_id or ""))
        except UnknownTask:
            await tools.pause.well()
            return await self._wait(job, task, tools.patience.unknown)
        except (Passing, Rejected) as error:  # a refused key is mended by the operator; the task is still paid for
            await tools.pause.fault(error, getattr(error, "retry_after", None))
            _give_up_if_late(job, task)
            return await job.fresh(task)
        await tools.pause.well()
        news = _news(task, remote)
        if news and remote.url is None and remote.percent <= task.progress:
            task, news = await tools.store.note(task, **news), {}
        match remote:
            case Remote(RemoteStatus.FAILED, sentence=sentence, code=code):
                log.info("task %d: FoxAPI failed it: %s", task.id, code or "no code")
                raise Failed(sentence or say("FoxAPI failed: try again."), Billed.UNKNOWN)
            case Remote(RemoteStatus.COMPLETED, url=str() as url):
                return await self._take(job, task, url, news)
            case Remote(RemoteStatus.COMPLETED):
                return await self._without_link(job, task)
        return await self._progress(job, task, remote.percent, news)

    async def _progress(self, job: Job, task: Task, percent: int, news: dict[str, object]) -> Task:
        self._completed = False
        if percent > task.progress:
            self._still = 0.0
            now = job.tools.now()
            expected = estimate.under_way(task.sent_at or now, now, percent, task.expected_at)
            task = await job.tools.store.note(task, progress=percent, expected_at=expected, overdue=False, **news)
        return await self._wait(job, task, job.tools.patience.stalled)

    async def _without_link(self, job: Job, task: Task) -> Task:
        """Seen: `completed` comes some seconds before its link, or without one when moderation withheld the video."""
        if not self._completed:
            self._completed, self._still = True, 0.0
        if self._still > job.tools.patience.link:
            raise Failed(
                say(
                    "FoxAPI finished without a video, which can mean that its moderation withheld it; it may have been "
                    "billed: change the prompt and try again."
                ),
                Billed.UNKNOWN,
            )
        return await self._wait(job, task, float("inf"))

    async def _wait(self, job: Job, task: Task, patience: float) -> Task:
        """Rest until the next query; after `patience` without news the task is overdue, and seldom asked for."""
        _give_up_if_late(job, task)
        if self._still > patience and not task.overdue:
            log.warning("task %d: no news from FoxAPI for %.0f s: overdue", task.id, self._still)
            task = await job.tools.store.note(task, overdue=True)
            job.leave_slot()
        job.show(task)
        tools = job.tools
        gap = tools.patience.overdue_poll
        if not task.overdue:
            gap = tools.poll_seconds if self._completed else estimate.next_query(task, tools.now(), tools.poll_seconds)
        self._still += gap
        return await job.later(task, gap)

    async def _take(self, job: Job, task: Task, url: str, news: dict[str, object]) -> Task:
        """Download the result: from here on nothing paid can expire."""
        tools, files = job.tools, job.tools.files(task)
        job.completed_at = job.completed_at or tools.now()
        await asyncio.to_thread(files.folder.mkdir, parents=True, exist_ok=True)
        try:
            await job.unless_nudged(tools.results.fetch(url, files.result))
            result = await self._probed(job, task)
        except (Unreachable, Unfit) as error:
            log.warning("task %d: result not downloaded yet: %s", task.id, error)
            _give_up_if_late(job, task)
            await job.rest(job.gaps.next(getattr(error, "retry_after", None)))
            return await job.fresh(task)  # and asks anew, for the link may have changed
        job.gaps.reset()
        now = tools.now()
        return await job.surely(lambda: job.move(task, State.READY, **_ready(result, url, now), **news))

    async def _probed(self, job: Job, task: Task) -> Clip | None:
        """Look at the file; what stays unreadable after some downloads is what was made, and is delivered as it is."""
        try:
            return await probe(job.tools.ffmpeg, job.tools.files(task).result)
        except Unfit:
            self._bad_files += 1
            if self._bad_files < _BAD_FILES:
                raise
            return None


async def _turn(job: Job) -> None:
    """Return when this job may query: not while FoxAPI is ill, nor faster than all jobs together may. Raises Moved."""
    tools = job.tools
    while True:
        let_through = tools.pause.on
        if let_through:
            await job.unless_nudged(tools.pause.turn())
        await job.rest_or_raise(tools.pace.turn())
        if let_through or not tools.pause.lasts:
            return  # else it began while this one waited


def _news(task: Task, remote: Remote) -> dict[str, object]:
    """What the task costs, if that is news."""
    return {} if remote.credits is None or remote.credits == task.credits else {"credits": remote.credits}


def _give_up_if_late(job: Job, task: Task) -> None:
    """Raise Failed, after a last look, when no result can be had any more: FoxAPI's links live as long."""
    if task.sent_at and (job.tools.now() - task.sent_at).total_seconds() > job.tools.patience.give_up:
        raise Failed(say("FoxAPI never finished this video: it may have been billed; try again."), Billed.UNKNOWN)


def _ready(result: Clip | None, url: str, now: datetime) -> dict[str, object]:
    return {
        "result": result,
        "result_url": url,
        "result_url_ends": now + _LINK_LIVES,
        "rendered_at": now,
        "progress": 100,
        "billed": Billed.YES,
    }
