"""From FoxAPI's result to the file that the member gets: the film or the new part, small enough for the reply."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from bot import media
from bot.domain.task import Task
from bot.i18n.text import Translatable, tr
from bot.media import DownloadFailed, SourceClip, UnusableVideo

if TYPE_CHECKING:
    from bot.worker.job import Job

log = logging.getLogger(__name__)

_MOST_CRASHES = 2


async def assemble(job: Job, task: Task) -> tuple[Task, Path]:
    """Make what was ordered of the result on disk, once; return the row and the file.

    A result that cannot be joined or shrunk is what was paid for all the same: then it is the file. So it is when the
    process has ended each time that it was tried.
    """
    files = job.resources.files(task)
    harmless = task.crashes < _MOST_CRASHES
    if harmless and task.film is None and task.result is not None and task.submitted is not None:
        task = await _join(job, task)
    made = files.joined if await asyncio.to_thread(files.joined.is_file) else files.result
    return task, await _fit_limit(job, task, made) if harmless else made


async def _join(job: Job, task: Task) -> Task:
    files, submitted = job.resources.files(task), task.submitted
    if submitted is None:
        return task
    kept, order, made = SourceClip(files.clip, task.head_seconds), task.order, task.result
    if made and media.is_complete(made, submitted, added=order.seconds, kind=order.result, head_ends=task.head_seconds):
        return task.model_copy(update={"film": made})  # written down together with its delivery
    job.show(task)
    await _ensure_clip(job, task)
    try:
        joined = await media.join(
            job.resources.ffmpeg,
            kept,
            submitted,
            files.result,
            added=order.seconds,
            kind=order.result,
            into=files.joined,
            max_bytes=task.place.filesize_limit,
        )
    except UnusableVideo as error:
        log.warning("task %d: FoxAPI's result is delivered as it is: %s", task.id, error)
        return await job.resources.store.tasks.update(task, preparation_note=_without_film(task))
    log.info("task %d: %s of %.1f s", task.id, order.result, joined.clip.seconds)
    return await job.resources.store.tasks.update(task, film=joined.clip)


def _without_film(task: Task) -> Translatable:
    """For the reply: why it carries FoxAPI's own file."""
    why = tr("the film could not be made of it, so this is the video as FoxAPI made it")
    return tr("{what}; {more}", what=task.preparation_note, more=why) if task.preparation_note else why


async def _ensure_clip(job: Job, task: Task) -> None:
    """Where another process has fetched it, to a folder of its own: fetch it once more, while its address lives."""
    clip = job.resources.files(task).clip
    if await asyncio.to_thread(clip.is_file):
        return
    try:
        await job.resources.clips.fetch(task.order.source_url, clip)
    except (DownloadFailed, UnusableVideo) as error:
        log.warning("task %d: its clip is not on the disk, and cannot be fetched again: %s", task.id, error)


async def _fit_limit(job: Job, task: Task, made: Path) -> Path:
    """`made`, or a smaller one if it is over the reply's upload limit and can still look decent."""
    limit, small, clip = task.place.filesize_limit, job.resources.files(task).compressed, task.film or task.result
    if clip is None or await _size(made) <= limit:
        return made
    if await _size(small) <= limit:
        return small
    job.show(task)
    try:
        fitted = await media.compress(job.resources.ffmpeg, made, clip, max_bytes=limit, into=small)
    except UnusableVideo as error:
        log.warning("task %d: cannot be made smaller: %s", task.id, error)
        return made
    log.info("task %d: %s", task.id, f"made smaller, to {fitted.size} bytes" if fitted else "would look bad if smaller")
    return small if fitted else made


async def _size(path: Path) -> float:
    """Bytes of the file; endless where there is none."""
    try:
        return (await asyncio.to_thread(path.stat)).st_size
    except FileNotFoundError:
        return float("inf")
