"""Shards: the parts in which Discord delivers the events of many servers (Discord docs, Gateway, Sharding)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

log = logging.getLogger(__name__)

IDENTIFY_SECONDS = 5.5
"""In five of which one shard of each bucket may identify (Discord docs, Gateway, Rate Limiting); half of one is for
the way there."""
_WRITTEN = re.compile(r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?/(?P<count>\d{1,5})")

TakeTurn = Callable[[str, float], Awaitable[float]]
"""Of what has that name, takes the next turn, so many seconds after the one before; returns the seconds until then."""


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards that one process holds, of all that there are."""

    held: range
    count: int

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read `0-7/16` (0 to 7, of 16) or `3/16`. Raises ValueError with a sentence."""
        found = _WRITTEN.fullmatch(written.strip())
        if found is None:
            raise ValueError(f"“{written}” does not name shards: write 0-7/16 for the first eight of sixteen.")
        first, count = int(found["first"]), int(found["count"])
        last = int(found["last"] or first)
        if not first <= last < count:
            raise ValueError(f"There is no shard {last} of {count} from {first} on: they are numbered from 0.")
        return cls(range(first, last + 1), count)

    def owns_guild(self, guild_id: int) -> bool:
        """Whether this server's events come to this process (Discord docs, Gateway, Sharding)."""
        return (guild_id >> 22) % self.count in self.held


class IdentifyLimiter:
    """Lets no more shards identify than Discord allows, over all processes that take turns together."""

    def __init__(self, take_turn: TakeTurn | None) -> None:
        """`take_turn`: how processes take turns together; None: this one is alone."""
        self._take_turn = take_turn or self._local_turn
        self._free_at: dict[str, float] = {}
        self.buckets = 1
        """Discord's max_concurrency; a shard's bucket is the rest of its number divided by it."""

    async def turn(self, shard_id: int) -> None:
        """Return when this shard may identify."""
        name = f"identify {shard_id % self.buckets}"
        if seconds := await self._take_turn(name, IDENTIFY_SECONDS):
            log.info("shard %d waits %.1f s before it identifies", shard_id, seconds)
            await asyncio.sleep(seconds)

    async def _local_turn(self, name: str, apart: float) -> float:
        now = asyncio.get_running_loop().time()
        mine = max(now, self._free_at.get(name, now))
        self._free_at[name] = mine + apart
        return mine - now
