"""What stays of a task when it is over: a delivered film is kept for a while, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime, timedelta

from bot.domain.task import Task, TaskState
from bot.media import Workspaces
from bot.store import Store
from bot.worker.resources import JobResources

log = logging.getLogger(__name__)


async def archive(resources: JobResources, task: Task) -> None:
    """Keep the film of a delivered task, and remove the task's folder. A film that cannot be kept is let go.

    The member may delete the task, or all of their data, at any moment; so the row is read again when the film is kept.
    """
    files, film_store = resources.files(task), resources.workspaces.film_store
    if task.state is TaskState.DELIVERED and resources.keep and not (task.deleted or task.deletion_requested):
        try:
            if film := await asyncio.to_thread(files.final):
                await film_store.save(task.id, film, files.thumbnail, resources.now())
                now = await resources.store.tasks.get(task.id)
                if now is None or now.deleted or now.deletion_requested:
                    await film_store.delete([task.id])
        except OSError as error:
            log.warning("task %d: its film is not kept: %s", task.id, error)
    await resources.workspaces.remove(task.id)


async def clean_up(resources: JobResources) -> None:
    """At start: put away what the last run did not come to, and remove whatever else belongs to no living task."""
    found = await resources.workspaces.list_ids()  # first, for another process may begin a task meanwhile
    living = await resources.store.tasks.unfinished_ids()
    for task_id in found - living:
        try:
            await _tidy_one(resources, task_id)
        except Exception:  # one odd folder keeps nobody's task from being taken up
            log.exception("task %d: what an earlier run left of it stays", task_id)
    if resources.store.is_single_process:
        await resources.workspaces.remove_stale(living)


async def _tidy_one(resources: JobResources, task_id: int) -> None:
    task = await resources.store.tasks.get(task_id)
    if task and task.state.is_final:
        await archive(resources, task)
    else:
        await resources.workspaces.remove(task_id)


async def delete_expired_films(workspaces: Workspaces, store: Store, now: datetime, keep: timedelta) -> None:
    """Delete the films kept for longer than `keep`, and those whose tasks were deleted."""
    since = await workspaces.film_store.list_ids()
    wanted = await store.tasks.with_keepable_video(since)
    gone = [task_id for task_id, put in since.items() if now - put > keep or task_id not in wanted]
    await workspaces.film_store.delete(gone)
    if gone:
        log.info("%d films are kept no longer", len(gone))


async def run_retention(resources: JobResources) -> None:
    """Sweep at once and then every so often; ends only by cancellation."""
    while True:
        await delete_expired(resources)
        await asyncio.sleep(resources.timeouts.retention)


async def delete_expired(resources: JobResources) -> None:
    """Delete what members wanted forgotten, what servers left behind, and what was kept long enough.

    What fails is done by the next sweep.
    """
    retention, now = resources.store.retention, resources.now()
    await _try("what was to be forgotten", retention.delete_due(now, resources.grace))
    await _try("tokens of no more use", retention.delete_tokens(now))
    await _try("old films", delete_expired_films(resources.workspaces, resources.store, now, resources.keep))
    await _try("old records", _expire(resources, now))


async def _try(what: str, work: Awaitable[None]) -> None:
    """Do `work`; that it fails keeps nothing else from being taken away."""
    try:
        await work
    except Exception:
        log.exception("could not take away %s", what)


async def _expire(resources: JobResources, now: datetime) -> None:
    if resources.keep_rows and (retired := await resources.store.retention.expire(now, resources.keep_rows)):
        log.info("the records of %d finished tasks are kept no longer", retired)
