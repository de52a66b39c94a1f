"""From the member's URL to a clip that FoxAPI accepts. All of this is free."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot import media
from bot.domain.errors import TaskFailed
from bot.domain.task import Task
from bot.foxapi import Rejected, TransientError
from bot.i18n.text import Translatable, tr
from bot.media import DownloadFailed, ProbeResult, UnknownHost
from bot.media.prepare import Prepared
from bot.worker.recovery import pause
from bot.worker.step_result import StepContext, StepResult

log = logging.getLogger(__name__)

T = TypeVar("T")
_NO_DISK = tr(
    "There is no room for your clip on the disk of the bot: try again later, or tell the people who run this bot."
)
_UPLOAD_FAILED = tr("Your clip could not be uploaded to FoxAPI: try again in a few minutes.")


class _TryLater(Exception):
    """A part of the preparation failed for now; :attr:`seconds` until it is worth another try."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Prepare:
    """What one job has prepared so far. If it is lost, the preparation starts again."""

    def __init__(self) -> None:
        self._has_folder = False
        self._is_downloaded = False
        self._must_convert = False
        """Whether the clip was probed, and FoxAPI cannot be given its own URL."""
        self._converted: Prepared | None = None
        self._give_up_at: datetime | None = None
        """When to stop retrying the part of the preparation that fails just now."""

    async def run(self, context: StepContext, task: Task) -> StepResult:
        """Download the clip, convert it if FoxAPI would refuse it, and ask for a running slot.

        Raises TaskFailed with what the member can do about it, StaleRow if the task was cancelled.
        """
        if task.prepared_at:  # it waits for a running slot; the worker of any process gives it one
            return StepResult(wait=context.resources.timeouts.queue_scan)
        try:
            if self._must_convert:
                return await self._convert(context, task)
            return await self._take_in(context, task)
        except _TryLater as later:
            return pause(context.resources, later.seconds)

    async def _take_in(self, context: StepContext, task: Task) -> StepResult:
        """Download and probe the clip, and decide whether FoxAPI can be given its own URL."""
        resources, files = context.resources, context.resources.get_files(task)
        if not self._has_folder:
            # The worker has created it already, unless that was another process.
            create = resources.workspaces.create
            await self._try(context, task, lambda: create(task.id, task.needs), resources.timeouts.clip_download)
            self._has_folder = True
        if not self._is_downloaded:
            await self._download(context, task)
            self._is_downloaded = True
        seen = await context.row.wait_until_changed(
            media.probe_with_thumbnail(resources.ffmpeg, files.clip, files.thumbnail)
        )
        await resources.workspaces.set_clip_size(task.id, seen.clip.size)
        if await context.row.wait_until_changed(_can_stay_as_it_is(context, task, seen)):
            prepared = {"clip": seen.clip, "submitted": seen.clip, "video_url": task.order.source_url}
            return StepResult(prepared=True, changes=prepared)
        self._must_convert = True
        return StepResult(changes={"clip": seen.clip})

    async def _download(self, context: StepContext, task: Task) -> None:
        """Download the member's clip. All tries together take `timeouts.clip_download` at most."""
        resources, into = context.resources, context.resources.get_files(task).clip
        end = self._give_up_at or resources.now() + timedelta(seconds=resources.timeouts.clip_download)

        def once() -> Coroutine[Any, Any, int]:
            return resources.clips.fetch(task.order.source_url, into, seconds=(end - resources.now()).total_seconds())

        await self._try(context, task, once, resources.timeouts.clip_download)

    async def _convert(self, context: StepContext, task: Task) -> StepResult:
        """Cut and convert what FoxAPI would refuse, and upload it."""
        resources, files = context.resources, context.resources.get_files(task)
        if self._converted is None:
            self._converted = await context.row.wait_until_changed(
                media.prepare(resources.ffmpeg, files.clip, files.converted)
            )
            log.info("task %d: %s", task.id, self._converted.note)
        if task.at_risk:  # a process that ends during a long upload was not crashed by the clip
            return StepResult(changes={"at_risk": False}, must_record=True)
        name = f"task-{task.id}.mp4"
        # An outage of FoxAPI is waited for as long here as it is at the paid request.
        url = await self._try(
            context, task, lambda: resources.fox.upload(files.converted, name), resources.timeouts.submit_total
        )
        prepared = {
            "submitted": self._converted.clip,
            "head_seconds": self._converted.head_seconds,
            "preparation_note": self._converted.note,
            "video_url": url,
        }
        return StepResult(prepared=True, changes=prepared)

    async def _try(
        self, context: StepContext, task: Task, work: Callable[[], Coroutine[Any, Any, T]], seconds: float
    ) -> T:
        """Run `work`. Raises _TryLater for what may pass within `seconds` of the first try, else TaskFailed.

        Raises StaleRow if the task was cancelled meanwhile.
        """
        resources = context.resources
        self._give_up_at = self._give_up_at or resources.now() + timedelta(seconds=seconds)
        try:
            done = await context.row.wait_until_changed(work())
        except Rejected as error:
            raise TaskFailed(error.message) from error
        except UnknownHost as error:  # the resolver has retried already
            raise TaskFailed(error.message) from error
        except (DownloadFailed, TransientError, OSError) as error:
            gap = context.backoff.next(getattr(error, "retry_after", None))
            if resources.now() + timedelta(seconds=gap) > self._give_up_at:
                raise TaskFailed(_message_for(error)) from error
            log.info("task %d: not prepared yet: %s", task.id, error)
            raise _TryLater(gap) from error
        context.backoff.reset()
        self._give_up_at = None
        return done


async def _can_stay_as_it_is(context: StepContext, task: Task, seen: ProbeResult) -> bool:
    """Whether FoxAPI can certainly be given the clip's own URL."""
    resources, clip = context.resources, context.resources.get_files(task).clip
    problems = await media.find_problems(resources.ffmpeg, clip, seen)
    if not problems and not await media.is_direct_url(resources.clips, task.order.source_url, clip):
        problems = ["its URL"]
    if problems:
        log.info("task %d: FoxAPI is not given the original clip: %s", task.id, "; ".join(problems))
    return not problems


def _message_for(error: DownloadFailed | TransientError | OSError) -> Translatable:
    if isinstance(error, DownloadFailed):
        return error.message
    return _UPLOAD_FAILED if isinstance(error, TransientError) else _NO_DISK
