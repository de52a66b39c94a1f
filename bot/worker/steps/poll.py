"""From FoxAPI's task id to the result on disk: ask, be patient, download at once."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.domain.errors import TaskFailed
from bot.domain.task import Billed, Task, TaskState, VideoInfo
from bot.foxapi import Rejected, RemoteStatus, RemoteTask, TaskNotFound, TransientError
from bot.i18n.text import tr
from bot.media import DownloadFailed, UnusableVideo, probe
from bot.worker import eta

if TYPE_CHECKING:
    from bot.worker.job import Job

log = logging.getLogger(__name__)

_LINK_LIVES = timedelta(hours=24)
_BAD_FILES = 3


class Poll:
    """What one job remembers between two looks at its task. All of it may be lost: it only bounds waiting."""

    def __init__(self) -> None:
        self._idle_seconds = 0.0
        """Seconds in which FoxAPI answered and nothing had changed."""
        self._completed = False
        """Whether it was last said to be completed; the patience for its link begins then."""
        self._bad_files = 0

    async def run(self, job: Job, task: Task) -> Task:
        """Ask FoxAPI once, and do what its answer asks for. Raises Failed when the task ended without a result."""
        resources = job.resources
        try:
            await _wait_for_slot(job)
            remote = await job.until_changed(resources.fox.get_task(task.remote_id or ""))
        except TaskNotFound:
            await resources.circuit_breaker.record_success()
            return await self._wait(job, task, resources.timeouts.task_unknown)
        except (
            TransientError,
            Rejected,
        ) as error:  # a refused key is mended by the operator; the task is still paid for
            await resources.circuit_breaker.record_failure(error, getattr(error, "retry_after", None))
            _check_deadline(job, task)
            return await job.reload(task)
        await resources.circuit_breaker.record_success()
        events = _cost_change(task, remote)
        if events and remote.url is None and remote.percent <= task.progress:
            task, events = await resources.store.tasks.update(task, **events), {}
        match remote:
            case RemoteTask(RemoteStatus.FAILED, message=sentence, code=code):
                log.info("task %d: FoxAPI failed it: %s", task.id, code or "no code")
                raise TaskFailed(sentence or tr("FoxAPI failed: try again."), Billed.UNKNOWN)
            case RemoteTask(RemoteStatus.COMPLETED, url=str() as url):
                return await self._download(job, task, url, events)
            case RemoteTask(RemoteStatus.COMPLETED):
                return await self._without_link(job, task)
        return await self._progress(job, task, remote.percent, events)

    async def _progress(self, job: Job, task: Task, percent: int, events: dict[str, object]) -> Task:
        self._completed = False
        if percent > task.progress:
            self._idle_seconds = 0.0
            now = job.resources.now()
            expected = eta.updated_eta(task.submitted_at or now, now, percent, task.expected_at)
            task = await job.resources.store.tasks.update(
                task, progress=percent, expected_at=expected, overdue=False, **events
            )
        return await self._wait(job, task, job.resources.timeouts.no_progress)

    async def _without_link(self, job: Job, task: Task) -> Task:
        """Seen: `completed` comes some seconds before its link, or without one when moderation withheld the video."""
        if not self._completed:
            self._completed, self._idle_seconds = True, 0.0
        if self._idle_seconds > job.resources.timeouts.result_link:
            raise TaskFailed(
                tr(
                    "FoxAPI finished without a video, which can mean that its moderation withheld it; it may have been "
                    "billed: change the prompt and try again."
                ),
                Billed.UNKNOWN,
            )
        return await self._wait(job, task, float("inf"))

    async def _wait(self, job: Job, task: Task, timeouts: float) -> Task:
        """Rest until the next query; after `patience` without news the task is overdue, and seldom asked for."""
        _check_deadline(job, task)
        if self._idle_seconds > timeouts and not task.overdue:
            log.warning("task %d: no news from FoxAPI for %.0f s: overdue", task.id, self._idle_seconds)
            task = await job.resources.store.tasks.update(task, overdue=True)
            job.free_slot()
        job.show(task)
        resources = job.resources
        gap = resources.timeouts.overdue_poll
        if not task.overdue:
            gap = (
                resources.poll_seconds
                if self._completed
                else eta.next_poll(task, resources.now(), resources.poll_seconds)
            )
        self._idle_seconds += gap
        return await job.sleep_and_reload(task, gap)

    async def _download(self, job: Job, task: Task, url: str, events: dict[str, object]) -> Task:
        """Download the result: from here on nothing paid can expire."""
        resources, files = job.resources, job.resources.files(task)
        job.completed_at = job.completed_at or resources.now()
        await asyncio.to_thread(files.folder.mkdir, parents=True, exist_ok=True)
        try:
            await job.until_changed(resources.results.fetch(url, files.result))
            result = await self._probed(job, task)
        except (DownloadFailed, UnusableVideo) as error:
            log.warning("task %d: result not downloaded yet: %s", task.id, error)
            _check_deadline(job, task)
            await job.sleep(job.backoff.next(getattr(error, "retry_after", None)))
            return await job.reload(task)  # and asks anew, for the link may have changed
        job.backoff.reset()
        now = resources.now()
        return await job.write_with_retry(lambda: job.move(task, TaskState.READY, **_ready(result, url, now), **events))

    async def _probed(self, job: Job, task: Task) -> VideoInfo | None:
        """Look at the file; what stays unreadable after some downloads is what was made, and is delivered as it is."""
        try:
            return await probe(job.resources.ffmpeg, job.resources.files(task).result)
        except UnusableVideo:
            self._bad_files += 1
            if self._bad_files < _BAD_FILES:
                raise
            return None


async def _wait_for_slot(job: Job) -> None:
    """Wait for the circuit breaker and the rate limiter. Raises StaleRow."""
    resources = job.resources
    while True:
        let_through = resources.circuit_breaker.is_open
        if let_through:
            await job.until_changed(resources.circuit_breaker.wait())
        await job.sleep_unless_changed(resources.rate_limiter.reserve())
        if let_through or not resources.circuit_breaker.cooling_down:
            return  # else it began while this one waited


def _cost_change(task: Task, remote: RemoteTask) -> dict[str, object]:
    """What the task costs, if that is news."""
    return {} if remote.credits is None or remote.credits == task.credits else {"credits": remote.credits}


def _check_deadline(job: Job, task: Task) -> None:
    """Raise Failed, after a last look, when no result can be had any more: FoxAPI's links live as long."""
    if (
        task.submitted_at
        and (job.resources.now() - task.submitted_at).total_seconds() > job.resources.timeouts.deadline
    ):
        raise TaskFailed(tr("FoxAPI never finished this video: it may have been billed; try again."), Billed.UNKNOWN)


def _ready(result: VideoInfo | None, url: str, now: datetime) -> dict[str, object]:
    return {
        "result": result,
        "result_url": url,
        "result_url_expires_at": now + _LINK_LIVES,
        "rendered_at": now,
        "progress": 100,
        "billed": Billed.YES,
    }
