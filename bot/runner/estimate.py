"""When a task should be done: from what FoxAPI says and what it lately did, never from the clock alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

_ENOUGH = 3
"""Recent tasks that outweigh FoxAPI's own estimate."""
_TELLING = 10
"""Percent of progress from which its speed tells something."""


def at_start(sent_at: datetime, estimated_seconds: float | None, recent: Sequence[float]) -> datetime | None:
    """The expected end of a task that FoxAPI has just taken; None when nothing is known."""
    seconds = median(recent) if len(recent) >= _ENOUGH else estimated_seconds
    return sent_at + timedelta(seconds=seconds) if seconds else None


def under_way(sent_at: datetime, now: datetime, percent: int, before: datetime | None) -> datetime | None:
    """The expected end after FoxAPI reported `percent`: its speed so far counts for more the further it is."""
    if percent < _TELLING:
        return before
    by_speed = sent_at + (now - sent_at) * (100 / percent)
    if before is None:
        return by_speed
    return before + (by_speed - before) * (percent / 100)
