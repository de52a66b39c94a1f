"""Who may act on a task: the member who started it, and for some actions the moderators of its server."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import RequestRefused
from bot.domain.task import ReplyTarget, Task
from bot.i18n.text import Translatable, tr
from bot.store import Store


@dataclass(frozen=True, slots=True)
class Actor:
    """The member who pressed a button, and their permissions in that channel."""

    user_id: int
    guild_id: int | None
    channel_id: int | None
    manages_server: bool = False
    manages_messages: bool = False
    """Has Manage Messages in that channel."""

    def can_moderate(self, place: ReplyTarget) -> bool:
        """Whether they can moderate the public reply at `place`. Only permissions in that channel count."""
        return not place.ephemeral and self.moderates_channel(place.guild_id, place.channel_id)

    def moderates_channel(self, guild_id: int | None, channel_id: int) -> bool:
        """Whether they can delete messages in that channel."""
        if guild_id is None or guild_id != self.guild_id:
            return False
        return self.manages_server or (self.manages_messages and channel_id == self.channel_id)


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
