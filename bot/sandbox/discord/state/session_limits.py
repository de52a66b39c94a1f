"""Session start limits (Discord docs, Gateway, Session Start Limit Object and Rate Limiting)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bot.sandbox.discord.state.model import Json


@dataclass
class SessionLimits:
    """`remaining` sessions may be started, and one per `seconds` in each of the `max_concurrency` buckets.

    Discord's five seconds are off by default, because the sandbox's bot is restarted often.
    """

    remaining: int = 1000
    max_concurrency: int = 1
    seconds: float = 0.0
    refused: int = 0
    """Number of identifies that came too early."""
    _last: dict[int, float] = field(default_factory=dict)

    def to_json(self) -> Json:
        """The session_start_limit of GET /gateway/bot."""
        most = {"total": 1000, "remaining": self.remaining, "reset_after": 86_400_000}
        return most | {"max_concurrency": self.max_concurrency}

    def try_start(self, shard_id: int) -> bool:
        """Use up one start and return True if this shard may identify now."""
        now, bucket = time.monotonic(), shard_id % self.max_concurrency
        if self.remaining < 1 or now < self._last.get(bucket, float("-inf")) + self.seconds:
            self.refused += 1
            return False
        self._last[bucket] = now
        self.remaining -= 1
        return True
