"""From the member's address to a clip that FoxAPI takes. All of this is free."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from bot import media
from bot.foxapi import Passing, Rejected
from bot.media import Look, UnknownHost, Unreachable
from bot.phrase import Phrase, say
from bot.runner.recovery import wait_between_tries
from bot.runner.sending import ask_for_slot, wait_for_slot
from bot.task import Failed, Task

if TYPE_CHECKING:
    from bot.runner.job import Job

log = logging.getLogger(__name__)

T = TypeVar("T")
_NO_DISK = say("I have no room for your clip on my own disk: try again later, or tell the people who run this bot.")
_UPLOAD_FAILED = say("Your clip could not be handed to FoxAPI: try again in a few minutes.")


async def prepare(job: Job, task: Task) -> Task:
    """Fetch the clip, make it fit if it is not, and ask for a running slot.

    Raises Failed with what the member can do about it.
    """
    if task.prepared_at:
        return await wait_for_slot(job, task)
    tools, files = job.tools, job.tools.files(task)
    # The runner has made it, if it is not another process's folder.
    await _patiently(job, task, lambda: tools.folders.open(task.id, task.needs), tools.patience.fetch)
    await _fetch(job, task)
    seen = await job.unless_nudged(media.look_with_poster(tools.ffmpeg, files.clip, files.still))
    await tools.folders.settle(task.id, seen.clip.size)
    if await job.unless_nudged(_goes_untouched(job, task, seen)):
        return await ask_for_slot(job, task, clip=seen.clip, submitted=seen.clip, video_url=task.order.source_url)
    task = await tools.store.note(task, clip=seen.clip)
    job.show(task)
    return await ask_for_slot(job, task, **await _make_fit(job, task))


async def _goes_untouched(job: Job, task: Task, seen: Look) -> bool:
    """Whether FoxAPI can be given the clip's own address without any doubt."""
    tools, clip = job.tools, job.tools.files(task).clip
    doubts = await media.doubts(tools.ffmpeg, clip, seen)
    if not doubts and not await media.can_be_handed_on(tools.clips, task.order.source_url, clip):
        doubts = ["its address"]
    if doubts:
        log.info("task %d: the clip does not go to FoxAPI as it is: %s", task.id, "; ".join(doubts))
    return not doubts


async def _fetch(job: Job, task: Task) -> None:
    """Fetch the member's clip. All tries together, look-ups and redirects included, take `patience.fetch` at most."""
    tools, into = job.tools, job.tools.files(task).clip
    end = tools.now() + timedelta(seconds=tools.patience.fetch)

    def once() -> Coroutine[Any, Any, int]:
        return tools.clips.fetch(task.order.source_url, into, seconds=(end - tools.now()).total_seconds())

    await _patiently(job, task, once, tools.patience.fetch)


async def _make_fit(job: Job, task: Task) -> dict[str, object]:
    """Cut and convert what FoxAPI would refuse, and upload it; return what is to be noted of that. Raises Failed."""
    tools, files = job.tools, job.tools.files(task)
    made = await job.unless_nudged(media.prepare(tools.ffmpeg, files.clip, files.fit))
    log.info("task %d: %s", task.id, made.note)
    # An outage of FoxAPI is waited for as long here as it is at the paid request.
    name = f"task-{task.id}.mp4"
    url = await _patiently(job, task, lambda: tools.fox.upload(files.fit, name), tools.patience.taken)
    return {"submitted": made.clip, "head_ends": made.head_ends, "note": made.note, "video_url": url}


async def _patiently(job: Job, task: Task, work: Callable[[], Coroutine[Any, Any, T]], patience: float) -> T:
    """Try `work` with growing gaps for `patience` seconds; then raises Failed.

    Raises Failed at once where it is of no use to try again, and Moved when the task was cancelled.
    """
    end = job.tools.now() + timedelta(seconds=patience)
    while True:
        try:
            done = await job.unless_nudged(work())
        except Rejected as error:
            raise Failed(error.sentence) from error
        except UnknownHost as error:  # looked up again and again already
            raise Failed(error.sentence) from error
        except (Unreachable, Passing, OSError) as error:
            gap = job.gaps.next(getattr(error, "retry_after", None))
            if job.tools.now() + timedelta(seconds=gap) > end:
                raise Failed(_sentence_for(error)) from error
            log.info("task %d: not prepared yet: %s", task.id, error)
            task = await wait_between_tries(job, task, gap)
        else:
            job.gaps.reset()
            return done


def _sentence_for(error: Unreachable | Passing | OSError) -> Phrase:
    if isinstance(error, Unreachable):
        return error.sentence
    return _UPLOAD_FAILED if isinstance(error, Passing) else _NO_DISK
