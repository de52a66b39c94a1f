"""Remembers, over restarts and for all processes, which log channels refuse posts and when each is tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.store import Store, name_log_note

log = logging.getLogger(__name__)

MAX_GAP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A log channel's last post failed: it is tried again at `retry_at`, after a wait of `gap`."""

    channel_id: int
    gap: timedelta
    retry_at: datetime

    def __str__(self) -> str:
        """Return the text that is stored."""
        return f"{self.channel_id} {self.gap.total_seconds()} {self.retry_at.isoformat()}"

    @classmethod
    def parse(cls, stored: str) -> Refusal:
        """Read the stored text. Raises ValueError."""
        channel_id, seconds, retry_at = stored.split(" ")
        return cls(int(channel_id), timedelta(seconds=float(seconds)), datetime.fromisoformat(retry_at))


class LogChannelService:
    """The gaps between tries of log channels that refuse posts. They grow from try to try, up to an hour.

    They are kept where possible: a database that does not respond stops no log.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def get_refusal(self, guild_id: int, channel_id: int) -> Refusal | None:
        """Return the last post's refusal if it was this channel's; None if nothing is known against it."""
        try:
            stored = await self._store.get_note(name_log_note(guild_id))
            refusal = Refusal.parse(stored) if stored else None
        except Exception as error:
            log.warning("whether server %d's log channel refuses posts could not be read: %s", guild_id, error)
            return None
        return refusal if refusal and refusal.channel_id == channel_id else None

    async def record_refusal(self, guild_id: int, channel_id: int, gap: timedelta) -> Refusal:
        """Record that a post failed and that the next try is due after `gap`, at most :data:`MAX_GAP`."""
        gap = min(gap, MAX_GAP)
        refusal = Refusal(channel_id, gap, self._now() + gap)
        try:
            await self._store.set_note(name_log_note(guild_id), str(refusal))
        except Exception as error:
            log.warning("that server %d's log channel refuses posts could not be stored: %s", guild_id, error)
        return refusal

    async def forget_refusal(self, guild_id: int) -> None:
        """Record that the server's log channel takes posts, or that it may be tried at once."""
        try:
            await self._store.delete_note(name_log_note(guild_id))
        except Exception as error:
            log.warning("that server %d's log channel takes posts could not be stored: %s", guild_id, error)
