"""The stand-ins' time: the wall clock, and as much more as a test or the side panel adds."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """Seconds since the epoch; :meth:`advance` moves every later reading on (never back)."""

    ahead: float = 0.0

    def now(self) -> float:
        """The stand-ins' present, in seconds since the epoch."""
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once: tokens end, signed links expire, signatures age."""
        if seconds < 0:
            raise ValueError("time only moves on")
        self.ahead += seconds
