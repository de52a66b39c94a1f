"""A member's past tasks: list and search them, fetch or delete their videos, choose notifications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import RequestRefused
from bot.domain.events import EventQueue, ReplyDeleted
from bot.domain.task import NotifyPreference, ReplyTarget, Task, TaskFilter
from bot.i18n.text import tr
from bot.media import Workspaces
from bot.services.ownership import UNKNOWN_TASK, Actor, get_own_task
from bot.store import StaleRow, Store

_PER_PAGE = 5
_FOUND = 25
"""Discord's maximum number of autocomplete choices (Discord docs, Application Commands, Autocomplete)."""
NOT_YOURS = tr("Only the member who made that video or a moderator here can delete it.")
_RUNNING = tr("That task has not ended yet: cancel it instead.")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a member's tasks."""

    tasks: Sequence[Task]
    number: int
    """From 1."""
    page_count: int
    chosen: TaskFilter = TaskFilter.ALL


class TaskHistory:
    """What members can ask about their past tasks. Every refusal is a RequestRefused."""

    def __init__(self, store: Store, workspaces: Workspaces, events: EventQueue) -> None:
        self._store = store
        self._workspaces = workspaces
        self._events = events

    async def get_page(self, user_id: int, number: int = 1, chosen: TaskFilter = TaskFilter.ALL) -> Page:
        """Return a page of the member's tasks; the nearest one if the number is out of range."""
        pages = max(1, -(-await self._store.tasks.count(user_id, chosen) // _PER_PAGE))
        number = min(max(1, number), pages)
        tasks = await self._store.tasks.get_page(user_id, (number - 1) * _PER_PAGE, _PER_PAGE, chosen)
        return Page(tasks, number, pages, chosen)

    async def get_own_task(self, task_id: int, user_id: int) -> Task:
        """Return the member's own task. Raises RequestRefused, the same for unknown tasks and others' tasks."""
        refusal = tr("You have no task {task}: choose one of the list that /tasks shows.", task=str(task_id))
        return await get_own_task(self._store, task_id, user_id, unknown=refusal, not_own=refusal)

    async def search(self, user_id: int, words: str) -> Sequence[Task]:
        """Return the member's newest tasks whose prompt contains `words`, or whose number starts with them."""
        return await self._store.tasks.search(user_id, words.strip(), _FOUND)

    async def find_video(self, task: Task) -> Path | None:
        """Return the file of the task's finished video, while it is stored."""
        return None if task.deleted or task.is_erased else await self._workspaces.film_store.find_film(task.id)

    async def find_thumbnail(self, task: Task) -> Path | None:
        """Return the thumbnail of the clip, while the video is stored. A spoiler has none: embeds cannot hide it."""
        if task.deleted or task.is_erased or task.order.spoiler:
            return None
        return await self._workspaces.film_store.find_thumbnail(task.id)

    async def is_known(self, task_id: int) -> bool:
        """Whether the task is still stored and can be shown."""
        task = await self._store.tasks.wait_until_recorded(task_id)
        return task is not None and not task.is_erased

    async def check_deletable(self, task_id: int, actor: Actor) -> Task:
        """Return the task if `actor` can delete its reply now. Raises RequestRefused."""
        task = await self._settled(task_id)
        if task.order.user_id != actor.user_id and not actor.can_moderate(task.place):
            raise RequestRefused(NOT_YOURS)
        if not (task.state.is_final and task.outcome_shown):
            raise RequestRefused(_RUNNING)
        return task

    async def _settled(self, task_id: int) -> Task:
        """Return the task once its shown outcome is recorded, which takes a moment. Raises RequestRefused."""
        task = await self._store.tasks.wait_until_recorded(task_id)
        if task is None or task.is_erased:
            raise RequestRefused(UNKNOWN_TASK)
        return task

    async def refresh_reply(self, task: Task, place: ReplyTarget) -> None:
        """Store a fresh token for the reply that shows this ended task, if `place` is that reply."""
        if place.message_id == task.place.message_id:
            fresh = {
                "application_id": place.application_id,
                "token": place.token,
                "token_expires_at": place.token_expires_at,
            }
            await self._note(task, place=task.place.model_copy(update=fresh))

    async def delete(self, task_id: int, actor: Actor) -> Task:
        """Delete the video and mark the task as deleted, so that nothing restores it. Raises RequestRefused.

        The caller deletes the reply. Idempotent.
        """
        before = await self.check_deletable(task_id, actor)
        task = await self._note(before, deleted=True, ping_due=False)
        if actor.user_id != task.order.user_id and not before.deleted:
            self._events.publish(ReplyDeleted(task, actor.user_id))
        await self._workspaces.film_store.delete([task.id])
        return task

    async def get_notify_preference(self, user_id: int) -> NotifyPreference:
        """Return when the member is mentioned after a task has ended."""
        return await self._store.tasks.get_notify_preference(user_id)

    async def set_notify_preference(self, user_id: int, choice: NotifyPreference) -> None:
        """Set when the member is mentioned after a task has ended."""
        await self._store.tasks.set_notify_preference(user_id, choice)

    async def _note(self, task: Task, **changes: object) -> Task:
        while True:
            try:
                return await self._store.tasks.update(task, **changes)
            except StaleRow:  # final states do not change, so the lease moved or the row is gone
                now = await self._store.tasks.get(task.id)
                if now is None or now.state is not task.state:
                    raise RequestRefused(UNKNOWN_TASK) from None
                task = now
