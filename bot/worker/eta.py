"""Estimates of when FoxAPI will have finished a task, from recent tasks and from its progress.

FoxAPI's own estimate, `task_info.estimated_time`, is not used: it can be wrong by a factor of three.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

_MIN_RECENT = 3
"""Fewer recent tasks say too little."""
_MIN_PERCENT, _SURE_PERCENT = 10, 40
"""Below the first percentage the speed of the progress says nothing; from the second on, nothing else counts."""


def estimate_end(submitted_at: datetime, recent: Sequence[float]) -> datetime | None:
    """Return the expected end of a task that FoxAPI has just accepted; None if too little is known."""
    return submitted_at + timedelta(seconds=median(recent)) if len(recent) >= _MIN_RECENT else None


def update_end(submitted_at: datetime, now: datetime, percent: int, before: datetime | None) -> datetime | None:
    """Return the expected end after FoxAPI reported `percent`; the more is done, the more its speed so far counts."""
    if percent < _MIN_PERCENT:
        return before
    by_speed = submitted_at + (now - submitted_at) * (100 / percent)
    if before is None:
        return by_speed
    return before + (by_speed - before) * min(1.0, percent / _SURE_PERCENT)
