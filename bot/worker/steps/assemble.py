"""From FoxAPI's result to the file that the member gets: the film or the new part, small enough for the reply."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from bot import media
from bot.domain.task import Task, VideoInfo
from bot.i18n.text import Translatable, tr
from bot.media import DownloadFailed, SourceClip, TookTooLong, UnusableVideo
from bot.worker.step_result import StepContext

log = logging.getLogger(__name__)

_MAX_CRASHES = 2


def is_harmless(task: Task) -> bool:
    """Whether the process has not crashed repeatedly while it assembled this task's file."""
    return task.crashes < _MAX_CRASHES


def complete_film(task: Task) -> VideoInfo | None:
    """Return the film if there is one already: made earlier, or FoxAPI's result if that is all that was ordered."""
    if task.film is not None or task.result is None or task.submitted is None or not is_harmless(task):
        return task.film
    order, head = task.order, task.head_seconds
    complete = media.is_complete(task.result, task.submitted, added=order.seconds, kind=order.result, head_ends=head)
    return task.result if complete else None


async def join(context: StepContext, task: Task) -> dict[str, object]:
    """Join the clip and the result on disk as ordered; return the changes of the row.

    A result that cannot be joined was paid for all the same: it is delivered as it is, with a note.
    """
    resources, files, submitted = context.resources, context.resources.get_files(task), task.submitted
    if submitted is None:
        return {}
    context.show(task)
    await _ensure_clip(context, task)
    try:
        joined = await media.join(
            resources.ffmpeg,
            SourceClip(files.clip, task.head_seconds),
            submitted,
            files.result,
            added=task.order.seconds,
            kind=task.order.result,
            into=files.joined,
            max_bytes=task.place.filesize_limit,
        )
    except UnusableVideo as error:
        log.warning("task %d: FoxAPI's result is delivered as it is: %s", task.id, error)
        return {"preparation_note": _note_without_film(task, error)}
    log.info("task %d: %s of %.1f s", task.id, task.order.result, joined.clip.seconds)
    return {"film": joined.clip}


async def fit_limit(context: StepContext, task: Task, clip: VideoInfo | None) -> Path:
    """Return the file to deliver, whose details are `clip`: compressed if that is needed and can still look decent."""
    files, limit = context.resources.get_files(task), task.place.filesize_limit
    made = files.joined if await asyncio.to_thread(files.joined.is_file) else files.result
    if not is_harmless(task) or clip is None or await _size(made) <= limit:
        return made
    if await _size(files.compressed) <= limit:
        return files.compressed
    context.show(task)
    try:
        fitted = await media.compress(context.resources.ffmpeg, made, clip, max_bytes=limit, into=files.compressed)
    except UnusableVideo as error:
        log.warning("task %d: cannot be compressed: %s", task.id, error)
        return made
    log.info("task %d: %s", task.id, f"compressed to {fitted.size} bytes" if fitted else "would look bad if compressed")
    return files.compressed if fitted else made


def _note_without_film(task: Task, error: UnusableVideo) -> Translatable:
    """For the reply: why it carries FoxAPI's own file."""
    why = tr("the film could not be joined, so this is FoxAPI's video as it is")
    if isinstance(error, TookTooLong):
        why = tr("joining the film took too long, so this is FoxAPI's video as it is")
    return tr("{what}; {more}", what=task.preparation_note, more=why) if task.preparation_note else why


async def _ensure_clip(context: StepContext, task: Task) -> None:
    """Download the clip again, while its URL works, if another process downloaded it to a folder of its own."""
    clip = context.resources.get_files(task).clip
    if await asyncio.to_thread(clip.is_file):
        return
    try:
        await context.resources.clips.fetch(task.order.source_url, clip)
    except (DownloadFailed, UnusableVideo) as error:
        log.warning("task %d: its clip is not on the disk, and cannot be downloaded again: %s", task.id, error)


async def _size(path: Path) -> float:
    """Bytes of the file; infinite if there is none."""
    try:
        return (await asyncio.to_thread(path.stat)).st_size
    except FileNotFoundError:
        return float("inf")
