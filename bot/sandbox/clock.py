"""The fakes' clock: the wall clock plus an offset that tests and the control panel can increase."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """Seconds since the epoch; :meth:`advance` moves the clock forward."""

    ahead: float = 0.0

    def now(self) -> float:
        """The fakes' current time, in seconds since the epoch."""
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        """Skip `seconds`: interaction tokens and signed links expire earlier."""
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self.ahead += seconds
