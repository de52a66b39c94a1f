"""Estimates of when FoxAPI will have finished a task, from its own reports and from recent tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from bot.domain.task import Task

_MIN_RECENT = 3
"""So many recent tasks are a better estimate than FoxAPI's own."""
_MIN_PERCENT = 10
"""Below this percentage the speed of the progress says nothing."""
_POLL_FRACTION = 0.6
"""The part of the remaining time until the next poll. Less means more polls, which notice the end hardly earlier."""
_MAX_GAP = 6.0
"""The longest gap, in shortest gaps: bounds how late a task that fails at once is noticed."""
_GRACE = 0.25
"""The part of its expected duration for which a late task is still polled as often as allowed."""


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


def next_poll(task: Task, now: datetime, shortest: float) -> float:
    """Return the seconds until the next poll of `task`: many at first, `shortest` near the expected end.

    Polling every `shortest` seconds would notice the end as soon, with at least twice as many requests.
    """
    if task.expected_at is None or task.submitted_at is None:
        return shortest
    left = (task.expected_at - now).total_seconds()
    if left <= 0:
        expected = (task.expected_at - task.submitted_at).total_seconds()
        left = (-left - expected * _GRACE) / 10  # it takes much longer than expected: poll less and less often
    return max(shortest, min(shortest * _MAX_GAP, left * _POLL_FRACTION))
