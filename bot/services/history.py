"""What people may ask for when a task is over: find it again, get its film again, delete it, be told of its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import RequestRefused
from bot.domain.task import NotifyPreference, ReplyTarget, Task
from bot.i18n.text import tr
from bot.media import Workspaces
from bot.services.ownership import UNKNOWN_TASK, get_own_task
from bot.store import StaleRow, Store

_PER_PAGE = 5
_FOUND = 25
"""Choices that Discord takes (Discord docs, Application Commands, Autocomplete)."""
NOT_YOURS = tr("Only the member who made that video, or a moderator here, can delete it.")
_RUNNING = tr("That task has not ended yet: cancel it instead.")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who pressed a button, and what Discord says that they may do where it was pressed."""

    user_id: int
    guild_id: int | None
    channel_id: int | None
    manages_server: bool = False
    manages_messages: bool = False
    """In that channel."""

    def can_moderate(self, place: ReplyTarget) -> bool:
        """Whether they may take away what others see at `place`; their rights elsewhere count for nothing there."""
        return not place.ephemeral and self.moderates_channel(place.guild_id, place.channel_id)

    def moderates_channel(self, guild_id: int | None, channel_id: int) -> bool:
        """Whether they may take away what others see in that channel."""
        if guild_id is None or guild_id != self.guild_id:
            return False
        return self.manages_server or (self.manages_messages and channel_id == self.channel_id)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a member's tasks."""

    tasks: Sequence[Task]
    number: int
    """From 1."""
    page_count: int


class TaskHistory:
    """The requests of members about their ended tasks. Every refusal is a Refused."""

    def __init__(self, store: Store, workspaces: Workspaces) -> None:
        self._store = store
        self._workspaces = workspaces

    async def page(self, user_id: int, number: int = 1) -> Page:
        """A page of the member's tasks, the nearest one if that is not there."""
        pages = max(1, -(-await self._store.tasks.count(user_id) // _PER_PAGE))
        number = min(max(1, number), pages)
        tasks = await self._store.tasks.page(user_id, (number - 1) * _PER_PAGE, _PER_PAGE)
        return Page(tasks, number, pages)

    async def own_task(self, task_id: int, user_id: int) -> Task:
        """The member's own task. Raises Refused, which does not tell whether it is somebody else's."""
        refusal = tr("You have no task {task}: choose one of the list that /tasks shows.", task=str(task_id))
        return await get_own_task(self._store, task_id, user_id, unknown=refusal, not_own=refusal)

    async def search(self, user_id: int, words: str) -> Sequence[Task]:
        """The member's newest tasks whose prompt contains `words`, or whose number begins with them."""
        return await self._store.tasks.search(user_id, words.strip(), _FOUND)

    async def stored_video(self, task: Task) -> Path | None:
        """The task's film, while it is kept."""
        return None if task.deleted or task.is_erased else await self._workspaces.film_store.find_film(task.id)

    async def stored_thumbnail(self, task: Task) -> Path | None:
        """A small picture of the clip, while the film is kept."""
        return None if task.deleted or task.is_erased else await self._workspaces.film_store.find_thumbnail(task.id)

    async def is_known(self, task_id: int) -> bool:
        """Whether there is still a record of that task that may be shown to anybody."""
        task = await self._store.tasks.wait_until_recorded(task_id)
        return task is not None and not task.is_erased

    async def check_deletable(self, task_id: int, actor: Actor) -> Task:
        """The task, if `presser` may delete its reply now. Raises Refused."""
        task = await self._settled(task_id)
        if task.order.user_id != actor.user_id and not actor.can_moderate(task.place):
            raise RequestRefused(NOT_YOURS)
        if not (task.state.is_final and task.outcome_shown):
            raise RequestRefused(_RUNNING)
        return task

    async def _settled(self, task_id: int) -> Task:
        """The task; what was shown just now is written down within a moment. Raises Refused."""
        task = await self._store.tasks.wait_until_recorded(task_id)
        if task is None or task.is_erased:
            raise RequestRefused(UNKNOWN_TASK)
        return task

    async def refresh_reply(self, task: Task, place: ReplyTarget) -> None:
        """Remember a fresh token for the reply that shows this ended task, if `place` is that reply."""
        if place.message_id == task.place.message_id:
            fresh = {
                "application_id": place.application_id,
                "token": place.token,
                "token_expires_at": place.token_expires_at,
            }
            await self._note(task, place=task.place.model_copy(update=fresh))

    async def delete(self, task_id: int, actor: Actor) -> Task:
        """Delete the film, and remember that nothing may bring it or its reply back. Raises Refused.

        The reply itself is the caller's to delete. Once more changes nothing.
        """
        task = await self._note(await self.check_deletable(task_id, actor), deleted=True, ping_due=False)
        await self._workspaces.film_store.delete([task.id])
        return task

    async def notify_preference(self, user_id: int) -> NotifyPreference:
        """When the member is notified of a task's end."""
        return await self._store.tasks.notify_preference(user_id)

    async def set_notify_preference(self, user_id: int, choice: NotifyPreference) -> None:
        """From now on notify the member so."""
        await self._store.tasks.set_notify_preference(user_id, choice)

    async def _note(self, task: Task, **changes: object) -> Task:
        while True:
            try:
                return await self._store.tasks.update(task, **changes)
            except StaleRow:  # an end is never left, so another process has just taken it up, or the row itself is gone
                now = await self._store.tasks.get(task.id)
                if now is None or now.state is not task.state:
                    raise RequestRefused(UNKNOWN_TASK) from None
                task = now
