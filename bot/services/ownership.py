"""Load a task for the member who started it, or refuse."""

from __future__ import annotations

from bot.domain.errors import RequestRefused
from bot.domain.task import Task
from bot.i18n.text import Translatable, tr
from bot.store import Store

UNKNOWN_TASK = tr("I no longer know that task.")
NOT_OWN_TASK = tr("Only the member who started that task can do this.")


async def get_own_task(
    store: Store,
    task_id: int,
    user_id: int,
    *,
    unknown: Translatable = UNKNOWN_TASK,
    not_own: Translatable = NOT_OWN_TASK,
) -> Task:
    """Return the member's own task.

    Raises RequestRefused with the sentence `unknown` if there is no such task, `not_own` if another member started it.
    """
    task = await store.tasks.get_visible(task_id)
    if task is None:
        raise RequestRefused(unknown)
    if task.order.user_id != user_id:
        raise RequestRefused(not_own)
    return task
