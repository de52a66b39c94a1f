"""Share: a finished video posted in a channel."""

from __future__ import annotations

from datetime import datetime

from bot.domain.task import FrozenModel


class Share(FrozenModel):
    """A result shared in a channel: one row per task and channel, written before the post is sent."""

    id: int
    task_id: int
    guild_id: int
    channel_id: int
    """Where its creator shared it: a text channel, a thread, or a forum."""
    user_id: int
    """Its creator."""
    prompt_hidden: bool
    """Whether the post leaves out the prompt."""
    attempted_at: datetime
    """When the post was last sent to Discord."""
    posted_at: datetime | None = None
    """When Discord's response was stored; None: it is unknown whether Discord accepted the post."""
    post_channel_id: int | None = None
    """The channel of the post; in a forum, the post's own thread."""
    message_id: int | None = None
    stars: int = 0
    """Members other than the creator who starred the result, when last counted..."""
    counted_at: datetime | None = None
    """...at this moment."""
