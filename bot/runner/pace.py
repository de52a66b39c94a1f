"""How fast all jobs together may query FoxAPI."""

from __future__ import annotations

import asyncio


class Pace:
    """Lets so many through in a second and no more, evenly, whoever came first goes first.

    One for all jobs: a start with ten thousand tasks asks for them at the same pace as any other hour.
    """

    def __init__(self, per_second: float) -> None:
        self._apart = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Return when it is the caller's turn. A turn whose caller gave up passes unused."""
        loop = asyncio.get_running_loop()
        mine = max(self._next, loop.time())
        self._next = mine + self._apart
        if (rest := mine - loop.time()) > 0:
            await asyncio.sleep(rest)
