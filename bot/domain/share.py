"""Share: a finished video posted in a channel."""

from __future__ import annotations

from datetime import datetime

from bot.domain.task import FrozenModel


class Share(FrozenModel):
    """A result that is shared in a channel: one row for each such place, written before anything is posted."""

    id: int
    task_id: int
    guild_id: int
    channel_id: int
    """Where its creator wanted it: a text channel, a thread, or a forum."""
    user_id: int
    """Its creator."""
    prompt_hidden: bool
    """Whether the post keeps the prompt to itself."""
    attempted_at: datetime
    """When it was last handed to Discord."""
    posted_at: datetime | None = None
    """When Discord's answer was written down; without it nobody knows whether Discord took it."""
    post_channel_id: int | None = None
    """The channel of the post: a forum's is the post's own thread."""
    message_id: int | None = None
    stars: int = 0
    """Members other than the creator who starred the result, as last counted..."""
    counted_at: datetime | None = None
    """...at this moment."""
