"""Discord's ids: a timestamp and a counter in one number (Discord docs, Reference, Snowflakes)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.sandbox.clock import Clock

DISCORD_EPOCH_MS = 1_420_070_400_000


@dataclass(slots=True)
class Snowflakes:
    """Makes increasing ids from the fake's clock."""

    clock: Clock
    _last: int = 0

    def next(self) -> str:
        """The next id, larger than every earlier one."""
        now = (int(self.clock.now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last = max(self._last + 1, now)
        return str(self._last)


def format_iso(moment: float) -> str:
    """Format seconds since the epoch like Discord (ISO 8601, UTC, microseconds)."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
