"""From FoxAPI's task id to the result on disk: poll until it is completed, then download at once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.errors import TaskFailed
from bot.domain.task import Billed, Task, TaskState, VideoInfo
from bot.foxapi import Rejected, RemoteStatus, RemoteTask, TaskNotFound, TransientError
from bot.i18n.text import tr
from bot.media import DownloadFailed, UnusableVideo, probe
from bot.worker import eta
from bot.worker.step_result import StepContext, StepResult, record_failure

log = logging.getLogger(__name__)

_LINK_LIFETIME = timedelta(hours=24)
_MAX_BAD_FILES = 3


class Poll:
    """What one job remembers between two polls. It only bounds waiting, so it may be lost."""

    def __init__(self) -> None:
        self.completed_at: datetime | None = None
        """When FoxAPI was first seen to have completed the task, with a link."""
        self._idle_seconds = 0.0
        """Seconds in which FoxAPI answered and nothing had changed."""
        self._is_completed = False
        """Whether FoxAPI's last answer was `completed`; the wait for its link begins then."""
        self._bad_files = 0

    async def run(self, context: StepContext, task: Task) -> StepResult:
        """Poll FoxAPI once and act on its answer. Raises TaskFailed if the task has ended without a result."""
        resources = context.resources
        try:
            await _wait_for_permit(context)
            remote = await context.row.until_changed(resources.fox.get_task(task.remote_id or ""))
        except TaskNotFound:
            await resources.circuit_breaker.record_success()
            return self._wait(context, task, resources.timeouts.task_unknown)
        except (TransientError, Rejected) as error:
            # The operator can replace a refused key, and the task is paid for all the same.
            await resources.circuit_breaker.record_failure(error, getattr(error, "retry_after", None))
            _check_deadline(context, task)
            return StepResult(wait=0)
        await resources.circuit_breaker.record_success()
        cost = _cost_change(task, remote)
        try:
            result = await self._act_on(context, task.model_copy(update=cost), remote)
        except TaskFailed as failure:
            return record_failure(failure, cost)
        return replace(result, changes={**cost, **result.changes})

    async def _act_on(self, context: StepContext, task: Task, remote: RemoteTask) -> StepResult:
        match remote:
            case RemoteTask(RemoteStatus.FAILED, message=message, code=code):
                log.info("task %d: FoxAPI failed it: %s", task.id, code or "no code")
                raise TaskFailed(message or tr("FoxAPI failed: try again."), Billed.UNKNOWN)
            case RemoteTask(RemoteStatus.COMPLETED, url=str() as url):
                return await self._download(context, task, url)
            case RemoteTask(RemoteStatus.COMPLETED):
                return self._wait_for_link(context, task)
        return self._record_progress(context, task, remote.percent)

    def _record_progress(self, context: StepContext, task: Task, percent: int) -> StepResult:
        self._is_completed = False
        changes: dict[str, object] = {}
        if percent > task.progress:
            self._idle_seconds = 0.0
            now = context.resources.now()
            expected = eta.updated_eta(task.submitted_at or now, now, percent, task.expected_at)
            changes = {"progress": percent, "expected_at": expected, "overdue": False}
        return self._wait(context, task, context.resources.timeouts.no_progress, changes)

    def _wait_for_link(self, context: StepContext, task: Task) -> StepResult:
        """Observed: `completed` comes some seconds before its link, or without one when moderation withheld it."""
        if not self._is_completed:
            self._is_completed, self._idle_seconds = True, 0.0
        if self._idle_seconds > context.resources.timeouts.result_link:
            raise TaskFailed(
                tr(
                    "FoxAPI finished without a video, which can mean that its moderation withheld it; it may have been "
                    "billed: change the prompt and try again."
                ),
                Billed.UNKNOWN,
            )
        return self._wait(context, task, float("inf"))

    def _wait(
        self, context: StepContext, task: Task, idle_limit: float, changes: dict[str, object] | None = None
    ) -> StepResult:
        """Wait until the next poll; after `idle_limit` seconds without news the task is overdue and rarely polled."""
        if not changes:  # progress is recorded first
            _check_deadline(context, task)
        resources, changes = context.resources, dict(changes or {})
        task = task.model_copy(update=changes)
        if self._idle_seconds > idle_limit and not task.overdue:
            log.warning("task %d: no news from FoxAPI for %.0f s: overdue", task.id, self._idle_seconds)
            changes["overdue"] = True
            task = task.model_copy(update=changes)
        if task.overdue:
            gap = resources.timeouts.overdue_poll
        elif self._is_completed:
            gap = resources.poll_seconds
        else:
            gap = eta.next_poll(task, resources.now(), resources.poll_seconds)
        self._idle_seconds += gap
        return StepResult(changes=changes, wait=gap, show=True)

    async def _download(self, context: StepContext, task: Task, url: str) -> StepResult:
        """Download the result: from here on nothing paid can expire."""
        resources, files = context.resources, context.resources.files(task)
        self.completed_at = self.completed_at or resources.now()
        await asyncio.to_thread(files.folder.mkdir, parents=True, exist_ok=True)
        try:
            await context.row.until_changed(resources.results.fetch(url, files.result))
            result = await self._probe(context, task)
        except (DownloadFailed, UnusableVideo) as error:
            log.warning("task %d: result not downloaded yet: %s", task.id, error)
            _check_deadline(context, task)
            # The next step polls again, because the link may have changed.
            return StepResult(wait=context.backoff.next(getattr(error, "retry_after", None)))
        context.backoff.reset()
        now = resources.now()
        downloaded = {
            "result": result,
            "result_url": url,
            "result_url_expires_at": now + _LINK_LIFETIME,
            "rendered_at": now,
            "progress": 100,
            "billed": Billed.YES,
        }
        return StepResult(state=TaskState.READY, changes=downloaded, must_record=True)

    async def _probe(self, context: StepContext, task: Task) -> VideoInfo | None:
        """Probe the file; None if it is unreadable after several downloads, because then it is what FoxAPI made."""
        try:
            return await probe(context.resources.ffmpeg, context.resources.files(task).result)
        except UnusableVideo:
            self._bad_files += 1
            if self._bad_files < _MAX_BAD_FILES:
                raise
            return None


async def _wait_for_permit(context: StepContext) -> None:
    """Wait for the circuit breaker and the rate limiter. Raises StaleRow."""
    resources = context.resources
    while True:
        is_probe = resources.circuit_breaker.is_open
        if is_probe:
            await context.row.until_changed(resources.circuit_breaker.wait())
        await context.row.sleep_unless_changed(resources.rate_limiter.reserve())
        if is_probe or not resources.circuit_breaker.cooling_down:
            return  # otherwise the circuit breaker opened during the wait


def _cost_change(task: Task, remote: RemoteTask) -> dict[str, object]:
    """What the task costs, if FoxAPI says something new about it."""
    return {} if remote.credits is None or remote.credits == task.credits else {"credits": remote.credits}


def _check_deadline(context: StepContext, task: Task) -> None:
    """Raise TaskFailed, after a last poll, when FoxAPI's links no longer live long enough for a result."""
    resources = context.resources
    if task.submitted_at and (resources.now() - task.submitted_at).total_seconds() > resources.timeouts.deadline:
        raise TaskFailed(tr("FoxAPI never finished this video: it may have been billed; try again."), Billed.UNKNOWN)
