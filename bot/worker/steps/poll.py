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
from bot.worker.poll_schedule import PollSchedule
from bot.worker.step_result import StepContext, StepResult, record_failure
from bot.worker.steps.silence import Silence, check_deadline, check_unreachable, note_silence, wait_for_permit

log = logging.getLogger(__name__)

_LINK_LIFETIME = timedelta(hours=24)
_LEAST_TIME = timedelta(hours=1)
"""For downloads of a file that was finished while the bot was away, even if FoxAPI may have deleted it already."""
_MAX_BAD_FILES = 3


class Poll:
    """What one job remembers between two polls. It only bounds waiting, so it may be lost."""

    def __init__(self, poll_seconds: float) -> None:
        self.completed_at: datetime | None = None
        """When FoxAPI was first seen to have completed the task, with a link."""
        self._idle_seconds = 0.0
        """Seconds in which FoxAPI answered and nothing had changed."""
        self._is_completed = False
        """Whether FoxAPI's last answer was `completed`; the wait for its link begins then."""
        self._was_rendering = False
        """Whether an earlier poll of this job saw the task unfinished, so that the end cannot be long ago."""
        self._bad_files = 0
        self._schedule = PollSchedule(poll_seconds)
        self._knows_durations = False

    async def run(self, context: StepContext, task: Task) -> StepResult:
        """Poll FoxAPI once and act on its answer. Raises TaskFailed if the task has ended without a result."""
        resources = context.resources
        if not self._knows_durations:
            self._schedule.learn_durations(await resources.store.tasks.list_recent_durations())
            self._knows_durations = True
        try:
            await wait_for_permit(context, task)
        except Silence:
            check_unreachable(context, task)
            return StepResult(changes=note_silence(context, task))
        opening = resources.circuit_breaker.opening
        try:
            remote = await context.row.wait_until_changed(resources.fox.get_task(task.remote_id or ""))
        except TaskNotFound:
            await resources.circuit_breaker.record_success()
            return self._wait(context, task, resources.timeouts.task_unknown)
        except (TransientError, Rejected) as error:
            return await self._handle_failure(context, task, error, opening)
        await resources.circuit_breaker.record_success()
        cost = _find_cost_change(task, remote)
        try:
            result = await self._act_on(context, task.model_copy(update=cost), remote)
        except TaskFailed as failure:
            return record_failure(failure, cost)
        return replace(result, changes={**cost, **result.changes})

    async def _handle_failure(
        self, context: StepContext, task: Task, error: TransientError | Rejected, opening: float | None
    ) -> StepResult:
        """Pause all polls, or only this task's if no other is concerned. A paid task goes on in any case."""
        retry_after = getattr(error, "retry_after", None)
        if isinstance(error, Rejected) and not error.concerns_all:
            log.warning("task %d: FoxAPI refused the query: %s", task.id, error)
            await context.resources.circuit_breaker.record_success()
            wait = context.backoff.next(retry_after)
        else:
            # The operator can replace a refused key.
            await context.resources.circuit_breaker.record_failure(error, retry_after, opening)
            wait = 0.0
        check_deadline(context, task)
        return StepResult(changes=note_silence(context, task), wait=wait, show=True)

    async def _act_on(self, context: StepContext, task: Task, remote: RemoteTask) -> StepResult:
        match remote:
            case RemoteTask(RemoteStatus.FAILED, message=message, code=code):
                log.info("task %d: FoxAPI failed it: %s", task.id, code or "no code")
                raise TaskFailed(message or tr("FoxAPI failed: try again."), Billed.UNKNOWN)
            case RemoteTask(RemoteStatus.COMPLETED, url=str() as url):
                return await self._download(context, task, url)
            case RemoteTask(RemoteStatus.COMPLETED):
                return self._wait_for_link(context, task)
        context.backoff.reset()
        return self._record_progress(context, task, remote.percent)

    def _record_progress(self, context: StepContext, task: Task, percent: int) -> StepResult:
        self._is_completed, self._was_rendering = False, True
        changes: dict[str, object] = {}
        if percent > task.progress:
            self._idle_seconds = 0.0
            now = context.resources.now()
            expected = eta.update_end(task.submitted_at or now, now, percent, task.expected_at)
            changes = {"progress": percent, "expected_at": expected, "overdue": False, "news_at": now}
        return self._wait(context, task, None, changes)

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
        return self._wait(context, task, None)

    def _wait(
        self, context: StepContext, task: Task, idle_limit: float | None, changes: dict[str, object] | None = None
    ) -> StepResult:
        """Wait until the next poll; after an hour without news, or `idle_limit` seconds, the task is overdue."""
        if not changes:  # progress is recorded first
            check_deadline(context, task)
        resources, changes = context.resources, dict(changes or {})
        task = task.model_copy(update=changes)
        changes |= note_silence(context, task, is_silent=idle_limit is not None and self._idle_seconds > idle_limit)
        task = task.model_copy(update=changes)
        if task.overdue:
            gap = resources.timeouts.overdue_poll
        elif self._is_completed:
            gap = PollSchedule(resources.poll_seconds).choose_gap(self._idle_seconds)
        else:
            gap = self._choose_gap(task, resources.now())
        self._idle_seconds += gap
        return StepResult(changes=changes, wait=gap, show=True)

    def _choose_gap(self, task: Task, now: datetime) -> float:
        age = (now - (task.submitted_at or now)).total_seconds()
        self._schedule.record(age, task.progress)
        return self._schedule.choose_gap(age)

    async def _download(self, context: StepContext, task: Task, url: str) -> StepResult:
        """Download the result: from here on nothing paid can expire."""
        resources, files = context.resources, context.resources.get_files(task)
        self.completed_at = self.completed_at or resources.now()
        await asyncio.to_thread(files.folder.mkdir, parents=True, exist_ok=True)
        try:
            await context.row.wait_until_changed(resources.results.fetch(url, files.result))
            result = await self._probe(context, task)
        except (DownloadFailed, UnusableVideo) as error:
            log.warning("task %d: result not downloaded yet: %s", task.id, error)
            return self._wait_for_file(context, task, url, getattr(error, "retry_after", None))
        context.backoff.reset()
        now = resources.now()
        downloaded = {
            "result": result,
            "result_url": url,
            "result_url_expires_at": task.result_url_expires_at or self._estimate_expiry(context, task),
            "rendered_at": now,
            "progress": 100,
            "billed": Billed.YES,
        }
        return StepResult(state=TaskState.READY, changes=downloaded, must_record=True)

    def _wait_for_file(self, context: StepContext, task: Task, url: str, retry_after: float | None) -> StepResult:
        """Poll again later, because the link may have changed. Raises TaskFailed when FoxAPI has deleted the file."""
        resources, now = context.resources, context.resources.now()
        changes: dict[str, object] = {} if task.result_url == url else {"result_url": url}
        if task.result_url is None:
            changes |= {"progress": 100, "news_at": now, "overdue": False}
            changes["result_url_expires_at"] = self._estimate_expiry(context, task)
        else:
            check_deadline(context, task)
        changes |= note_silence(context, task.model_copy(update=changes))
        if changes.get("overdue", task.overdue):
            return StepResult(changes=changes, wait=resources.timeouts.overdue_poll, show=True)
        return StepResult(changes=changes, wait=context.backoff.next(retry_after), show=True)

    def _estimate_expiry(self, context: StepContext, task: Task) -> datetime:
        """Return when FoxAPI deletes the file: a day after it finished, which may have been while the bot was away."""
        now = context.resources.now()
        finished = now if self._was_rendering else min(now, task.expected_at or now)
        return max(finished + _LINK_LIFETIME, now + _LEAST_TIME)

    async def _probe(self, context: StepContext, task: Task) -> VideoInfo | None:
        """Probe the file; None if it is unreadable after several downloads, because then it is what FoxAPI made."""
        try:
            return await probe(context.resources.ffmpeg, context.resources.get_files(task).result)
        except UnusableVideo:
            self._bad_files += 1
            if self._bad_files < _MAX_BAD_FILES:
                raise
            return None


def _find_cost_change(task: Task, remote: RemoteTask) -> dict[str, object]:
    """What the task costs, if FoxAPI says something new about it."""
    return {} if remote.credits is None or remote.credits == task.credits else {"credits": remote.credits}
