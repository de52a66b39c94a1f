"""Retention: archives delivered films for a while and deletes everything that is kept no longer."""

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
    """Store the film of a delivered task, and remove the task's folder. A film that cannot be stored is dropped.

    The member may delete the task, or all of their data, at any moment; so the row is read again after the film is
    stored.
    """
    files, film_store = resources.get_files(task), resources.workspaces.film_store
    if task.state is TaskState.DELIVERED and resources.keep and not (task.deleted or task.deletion_requested):
        try:
            if film := await asyncio.to_thread(files.final):
                await film_store.save(task.id, film, files.thumbnail, resources.now())
                now = await resources.store.tasks.get(task.id)
                if now is None or now.deleted or now.deletion_requested:
                    await film_store.delete([task.id])
        except OSError as error:
            log.warning("task %d: its film could not be stored: %s", task.id, error)
    await resources.workspaces.remove(task.id)


async def clean_up(resources: JobResources) -> None:
    """At start: archive what the last run did not, and remove the folders that belong to no unfinished task."""
    await resources.workspaces.remove_old_temporary()
    found = await resources.workspaces.list_ids()  # first, because another process may start a task meanwhile
    unfinished = await resources.store.tasks.list_unfinished_ids()
    for task_id in found - unfinished:
        try:
            await _clean_up_task(resources, task_id)
        except Exception:  # one bad folder must not keep the worker from starting
            log.exception("task %d: its folder from an earlier run could not be removed", task_id)
    if resources.store.is_single_process:
        await resources.workspaces.remove_stale(unfinished)


async def _remove_left_overs(resources: JobResources) -> None:
    """Remove the folders of settled tasks, which a lost lease or a failed removal leaves behind."""
    await resources.workspaces.remove_old_temporary()
    found = await resources.workspaces.list_ids()
    for task_id in found - await resources.store.tasks.list_unfinished_ids():
        await _clean_up_task(resources, task_id)


async def _clean_up_task(resources: JobResources, task_id: int) -> None:
    task = await resources.store.tasks.get(task_id)
    if task and task.state.is_final:
        await archive(resources, task)
    else:
        await resources.workspaces.remove(task_id)


async def delete_expired_films(workspaces: Workspaces, store: Store, now: datetime, keep: timedelta) -> None:
    """Delete the films that were stored longer than `keep` ago, and those whose tasks were deleted."""
    stored_at = await workspaces.film_store.list_ids()
    keepable = await store.tasks.list_with_keepable_video(stored_at)
    expired = [task_id for task_id, at in stored_at.items() if now - at > keep or task_id not in keepable]
    await workspaces.film_store.delete(expired)
    if expired:
        log.info("deleted %d expired films", len(expired))


async def run_retention(resources: JobResources) -> None:
    """Delete what has expired, at once and then periodically, until cancelled."""
    while True:
        await delete_expired(resources)
        await asyncio.sleep(resources.timeouts.retention)
        await _attempt("left-over folders", _remove_left_overs(resources))


async def delete_expired(resources: JobResources) -> None:
    """Delete what members asked to delete, the rows of servers that the bot has left, and all that has expired.

    The next run tries again what fails.
    """
    retention, now = resources.store.retention, resources.now()
    await _attempt("data that was to be deleted", retention.delete_due(now, resources.grace))
    await _attempt("unused tokens", retention.delete_tokens(now))
    await _attempt("expired films", delete_expired_films(resources.workspaces, resources.store, now, resources.keep))
    await _attempt("expired rows", _expire(resources, now))


async def _attempt(what: str, work: Awaitable[None]) -> None:
    """Do `work`, and log its failure, so that the rest is still deleted."""
    try:
        await work
    except Exception:
        log.exception("could not delete %s", what)


async def _expire(resources: JobResources, now: datetime) -> None:
    if resources.keep_rows and (expired := await resources.store.retention.expire(now, resources.keep_rows)):
        log.info("deleted the rows of %d finished tasks", expired)
