"""Gateway shards: which ones this process serves, and when each can identify (Discord docs, Gateway, Sharding)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import discord

log = logging.getLogger(__name__)

IDENTIFY_SECONDS = 5.5
"""Seconds between two identifies of one bucket: Discord's five (Discord docs, Gateway, Rate Limiting), and half a
second for network delay."""
_WRITTEN = re.compile(r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?/(?P<count>\d{1,5})")

TakeTurn = Callable[[str, float], Awaitable[float]]
"""Reserves the next slot of a named limiter, at an interval in seconds; returns the seconds until that slot."""


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards that one process serves, out of `count`."""

    held: range
    count: int

    @classmethod
    def parse(cls, written: str) -> Self:
        """Parse `0-7/16` (0 to 7, of 16) or `3/16`. Raises ValueError with a sentence for the operator."""
        found = _WRITTEN.fullmatch(written.strip())
        if found is None:
            raise ValueError(f"“{written}” does not name shards: write 0-7/16 for the first eight of sixteen.")
        first, count = int(found["first"]), int(found["count"])
        last = int(found["last"] or first)
        if not first <= last < count:
            raise ValueError(f"There is no shard {last} of {count} from {first} on: they are numbered from 0.")
        return cls(range(first, last + 1), count)

    def owns_guild(self, guild_id: int) -> bool:
        """Whether this process receives the server's events (Discord docs, Gateway, Sharding)."""
        return (guild_id >> 22) % self.count in self.held


class IdentifyLimiter:
    """Limits how often shards identify to what Discord allows, over all processes that share the limiter."""

    def __init__(self, take_turn: TakeTurn | None) -> None:
        """`take_turn`: a limiter shared by all processes; None: this is the only process."""
        self._take_turn = take_turn or self._reserve_locally
        self._free_at: dict[str, float] = {}
        self.buckets = 1
        """Discord's max_concurrency; a shard's bucket is its id modulo this."""

    async def acquire(self, shard_id: int) -> None:
        """Wait until this shard is allowed to identify."""
        name = f"identify {shard_id % self.buckets}"
        if seconds := await self._take_turn(name, IDENTIFY_SECONDS):
            log.info("shard %d waits %.1f s before it identifies", shard_id, seconds)
            await asyncio.sleep(seconds)

    async def _reserve_locally(self, name: str, apart: float) -> float:
        now = asyncio.get_running_loop().time()
        mine = max(now, self._free_at.get(name, now))
        self._free_at[name] = mine + apart
        return mine - now


async def disconnect_shards(client: discord.AutoShardedClient, seconds: float) -> None:
    """Disconnect all shards, in at most `seconds`, so that no further event arrives; requests are still possible."""
    disconnecting = [asyncio.create_task(shard.disconnect()) for shard in client.shards.values()]
    if not disconnecting:
        return
    _, unfinished = await asyncio.wait(disconnecting, timeout=seconds)
    for task in unfinished:
        task.cancel()
    for error in await asyncio.gather(*disconnecting, return_exceptions=True):
        if isinstance(error, Exception):
            log.warning("a shard did not disconnect cleanly: %r", error)
