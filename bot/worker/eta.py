"""When a task should be done: from what FoxAPI says and what it lately did, never from the clock alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from bot.domain.task import Task

_ENOUGH = 3
"""Recent tasks that outweigh FoxAPI's own estimate."""
_MIN_PERCENT = 10
"""Percent of progress from which its speed tells something."""
_POLL_FRACTION = 0.6
"""How much of the time that is left passes until the next query. Less asks more often, and notices hardly earlier."""
_MAX_GAP = 6.0
"""The longest gap, in least gaps: also what fails at once is noticed some time."""
_GRACE = 0.25
"""Of what the task should have taken: so much later it is still asked for as often as may be."""


def initial_eta(sent_at: datetime, estimated_seconds: float | None, recent: Sequence[float]) -> datetime | None:
    """The expected end of a task that FoxAPI has just taken; None when nothing is known."""
    seconds = median(recent) if len(recent) >= _ENOUGH else estimated_seconds
    return sent_at + timedelta(seconds=seconds) if seconds else None


def updated_eta(sent_at: datetime, now: datetime, percent: int, before: datetime | None) -> datetime | None:
    """The expected end after FoxAPI reported `percent`: its speed so far counts for more the further it is."""
    if percent < _MIN_PERCENT:
        return before
    by_speed = sent_at + (now - sent_at) * (100 / percent)
    if before is None:
        return by_speed
    return before + (by_speed - before) * (percent / 100)


def next_poll(task: Task, now: datetime, least: float) -> float:
    """Seconds until FoxAPI is to be asked for `task` again: long ones at first, `least` near the expected end.

    Asking every `least` seconds all the time would notice the end as soon, with twice as many queries or more.
    """
    if task.expected_at is None or task.submitted_at is None:
        return least
    left = (task.expected_at - now).total_seconds()
    if left <= 0:
        whole = (task.expected_at - task.submitted_at).total_seconds()
        left = (-left - whole * _GRACE) / 10  # it seems that it will take longer: no use to ask all the time
    return max(least, min(least * _MAX_GAP, left * _POLL_FRACTION))
