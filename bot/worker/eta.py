"""Estimates of when FoxAPI will have finished a task, from its own reports and from recent tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

_MIN_RECENT = 3
"""So many recent tasks are a better estimate than FoxAPI's own."""
_MIN_PERCENT = 10
"""Below this percentage the speed of the progress says nothing."""


def estimate_end(submitted_at: datetime, estimated_seconds: float | None, recent: Sequence[float]) -> datetime | None:
    """Return the expected end of a task that FoxAPI has just accepted; None if nothing is known."""
    seconds = median(recent) if len(recent) >= _MIN_RECENT else estimated_seconds
    return submitted_at + timedelta(seconds=seconds) if seconds else None


def update_end(submitted_at: datetime, now: datetime, percent: int, before: datetime | None) -> datetime | None:
    """Return the expected end after FoxAPI reported `percent`; the more is done, the more its speed so far counts."""
    if percent < _MIN_PERCENT:
        return before
    by_speed = submitted_at + (now - submitted_at) * (100 / percent)
    if before is None:
        return by_speed
    return before + (by_speed - before) * (percent / 100)
