"""What stays of a task when it is over: a delivered film is kept for a while, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from bot.media import Folders
from bot.runner.tools import Tools
from bot.store import Store
from bot.task import State, Task

log = logging.getLogger(__name__)


async def put_away(tools: Tools, task: Task) -> None:
    """Keep the film of a delivered task, and remove the task's folder. A film that cannot be kept is let go.

    The member may delete the task, or all of their data, at any moment; so the row is read again when the film is kept.
    """
    files, shelf = tools.files(task), tools.folders.shelf
    if task.state is State.DELIVERED and tools.keep and not (task.deleted or task.forgotten):
        try:
            if film := await asyncio.to_thread(files.made):
                await shelf.put(task.id, film, files.still, tools.now())
                now = await tools.store.get(task.id)
                if now is None or now.deleted or now.forgotten:
                    await shelf.drop([task.id])
        except OSError as error:
            log.warning("task %d: its film is not kept: %s", task.id, error)
    await tools.folders.remove(task.id)


async def tidy(tools: Tools) -> None:
    """At start: put away what the last run did not come to, and remove whatever else belongs to no living task."""
    found = await tools.folders.ids()  # first, for another process may begin a task meanwhile
    living = await tools.store.unfinished_ids()
    for task_id in found - living:
        try:
            await _tidy_one(tools, task_id)
        except Exception:  # one odd folder keeps nobody's task from being taken up
            log.exception("task %d: what an earlier run left of it stays", task_id)
    if tools.store.alone:
        await tools.folders.sweep(living)


async def _tidy_one(tools: Tools, task_id: int) -> None:
    task = await tools.store.get(task_id)
    if task and task.state.ended:
        await put_away(tools, task)
    else:
        await tools.folders.remove(task_id)


async def sweep(folders: Folders, store: Store, now: datetime, keep: timedelta) -> None:
    """Delete the films kept for longer than `keep`, and those whose tasks were deleted."""
    since = await folders.shelf.ids()
    wanted = await store.catalogue.worth_keeping(since)
    gone = [task_id for task_id, put in since.items() if now - put > keep or task_id not in wanted]
    await folders.shelf.drop(gone)
    if gone:
        log.info("%d films are kept no longer", len(gone))
