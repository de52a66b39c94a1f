"""From the member's address to a clip that FoxAPI takes. All of this is free."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from bot import media
from bot.domain.errors import TaskFailed
from bot.domain.task import Task
from bot.foxapi import Rejected, TransientError
from bot.i18n.text import Translatable, tr
from bot.media import DownloadFailed, ProbeResult, UnknownHost
from bot.worker.recovery import wait_between_tries
from bot.worker.steps.submit import ask_for_slot, wait_for_slot

if TYPE_CHECKING:
    from bot.worker.job import Job

log = logging.getLogger(__name__)

T = TypeVar("T")
_NO_DISK = tr("I have no room for your clip on my own disk: try again later, or tell the people who run this bot.")
_UPLOAD_FAILED = tr("Your clip could not be handed to FoxAPI: try again in a few minutes.")


async def prepare(job: Job, task: Task) -> Task:
    """Fetch the clip, make it fit if it is not, and ask for a running slot.

    Raises Failed with what the member can do about it.
    """
    if task.prepared_at:
        return await wait_for_slot(job, task)
    resources, files = job.resources, job.resources.files(task)
    # The runner has made it, if it is not another process's folder.
    await _retry(job, task, lambda: resources.workspaces.create(task.id, task.needs), resources.timeouts.clip_download)
    await _fetch(job, task)
    seen = await job.until_changed(media.probe_with_thumbnail(resources.ffmpeg, files.clip, files.thumbnail))
    await resources.workspaces.set_clip_size(task.id, seen.clip.size)
    if await job.until_changed(_goes_untouched(job, task, seen)):
        return await ask_for_slot(job, task, clip=seen.clip, submitted=seen.clip, video_url=task.order.source_url)
    task = await resources.store.tasks.update(task, clip=seen.clip)
    job.show(task)
    return await ask_for_slot(job, task, **await _convert(job, task))


async def _goes_untouched(job: Job, task: Task, seen: ProbeResult) -> bool:
    """Whether FoxAPI can be given the clip's own address without any doubt."""
    resources, clip = job.resources, job.resources.files(task).clip
    doubts = await media.find_problems(resources.ffmpeg, clip, seen)
    if not doubts and not await media.is_direct_url(resources.clips, task.order.source_url, clip):
        doubts = ["its address"]
    if doubts:
        log.info("task %d: the clip does not go to FoxAPI as it is: %s", task.id, "; ".join(doubts))
    return not doubts


async def _fetch(job: Job, task: Task) -> None:
    """Fetch the member's clip. All tries together, look-ups and redirects included, take `patience.fetch` at most."""
    resources, into = job.resources, job.resources.files(task).clip
    end = resources.now() + timedelta(seconds=resources.timeouts.clip_download)

    def once() -> Coroutine[Any, Any, int]:
        return resources.clips.fetch(task.order.source_url, into, seconds=(end - resources.now()).total_seconds())

    await _retry(job, task, once, resources.timeouts.clip_download)


async def _convert(job: Job, task: Task) -> dict[str, object]:
    """Cut and convert what FoxAPI would refuse, and upload it; return what is to be noted of that. Raises Failed."""
    resources, files = job.resources, job.resources.files(task)
    made = await job.until_changed(media.prepare(resources.ffmpeg, files.clip, files.converted))
    log.info("task %d: %s", task.id, made.note)
    # An outage of FoxAPI is waited for as long here as it is at the paid request.
    name = f"task-{task.id}.mp4"
    url = await _retry(job, task, lambda: resources.fox.upload(files.converted, name), resources.timeouts.submit_total)
    return {"submitted": made.clip, "head_seconds": made.head_seconds, "preparation_note": made.note, "video_url": url}


async def _retry(job: Job, task: Task, work: Callable[[], Coroutine[Any, Any, T]], timeouts: float) -> T:
    """Try `work` with growing gaps for `patience` seconds; then raises Failed.

    Raises Failed at once where it is of no use to try again, and StaleRow when the task was cancelled.
    """
    end = job.resources.now() + timedelta(seconds=timeouts)
    while True:
        try:
            done = await job.until_changed(work())
        except Rejected as error:
            raise TaskFailed(error.message) from error
        except UnknownHost as error:  # looked up again and again already
            raise TaskFailed(error.message) from error
        except (DownloadFailed, TransientError, OSError) as error:
            gap = job.backoff.next(getattr(error, "retry_after", None))
            if job.resources.now() + timedelta(seconds=gap) > end:
                raise TaskFailed(_sentence_for(error)) from error
            log.info("task %d: not prepared yet: %s", task.id, error)
            task = await wait_between_tries(job, task, gap)
        else:
            job.backoff.reset()
            return done


def _sentence_for(error: DownloadFailed | TransientError | OSError) -> Translatable:
    if isinstance(error, DownloadFailed):
        return error.message
    return _UPLOAD_FAILED if isinstance(error, TransientError) else _NO_DISK
