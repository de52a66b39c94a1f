"""From the member's address to a clip that FoxAPI takes. All of this is free."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.media import Unreachable, probe, unfit
from bot.runner.sending import send
from bot.task import Failed, Task

if TYPE_CHECKING:
    from bot.runner.job import Job

log = logging.getLogger(__name__)


async def prepare(job: Job, task: Task) -> Task:
    """Fetch the clip, look at it, and send it. Raises Failed with what the member can do about it."""
    files = job.tools.files(task)
    await asyncio.to_thread(_make, files.folder)
    await _fetch(job, task, files.clip)
    clip = await probe(job.tools.ffmpeg, files.clip)
    if why := unfit(clip):
        raise Failed(why)
    task = await job.tools.store.note(task, clip=clip, video_url=task.order.source_url)
    job.show(task)
    return await send(job, task)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


async def _fetch(job: Job, task: Task, into: Path) -> None:
    end = job.tools.now() + timedelta(seconds=job.tools.patience.fetch)
    while True:
        try:
            await job.unless_nudged(job.tools.fetcher.fetch(task.order.source_url, into))
            job.gaps.reset()
            return
        except Unreachable as error:
            gap = job.gaps.next(error.retry_after)
            if job.tools.now() + timedelta(seconds=gap) > end:
                raise Failed(error.sentence) from error
            log.info("task %d: clip not reachable yet: %s", task.id, error.sentence)
            await job.rest(gap)
            await job.fresh(task)  # it may have been cancelled
