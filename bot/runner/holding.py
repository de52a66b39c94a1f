"""Staying alive in the other processes' eyes, and letting go when they have taken this one for dead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.store import Leases

log = logging.getLogger(__name__)

_PER_LEASE = 4
"""Signs of life in the time after which a process without any is taken for dead."""


async def send_heartbeats(leases: Leases, let_go: Callable[[], Awaitable[None]]) -> None:
    """Give signs of life; ends only by cancellation. `let_go` ends all work, for others do it now."""
    while True:
        await asyncio.sleep(leases.seconds / _PER_LEASE)
        try:
            if not await leases.heartbeat():
                log.warning("this process was silent for too long: others go on with its tasks, and it begins anew")
                await let_go()
                await leases.register()
        except Exception as error:
            log.warning("no sign of life could be given: %s", error)
