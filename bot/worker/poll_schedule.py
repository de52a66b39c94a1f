"""When to poll a task that FoxAPI is rendering: as often as a fixed interval would, but at better moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_FIRST = 1.6
"""The first gap, in intervals: a task hardly ever ends sooner, so the poll is better spent later."""
_SHORTEST, _REGULAR, _BEFORE_WINDOW = 0.4, 0.96, 1.08
"""Gaps, in intervals: the shortest one, the usual one, and that before the task can be expected to end."""
_MAX_PART_OF_AGE = 0.4
"""The longest gap as a part of the task's age, so that a task of ten seconds does not wait for five more."""
_MIN_PART_OF_AGE = 1 / 60
"""The shortest gap as a part of the task's age: the older it is, the less a second matters."""
_LONGEST = 6.0
"""The longest gap, in intervals."""
_FINE_STEP = 5
"""Progress in steps of at most so many percent tells when the task will end."""
_PART_OF_REST = 0.6
"""The part of the predicted rest after which to poll again, since the prediction becomes better."""
_LONGEST_PREDICTED, _NEAR_END, _LONGEST_NEAR_END = 3.0, 1.1, 0.7
"""In intervals: the longest gap with fine progress, what "near the end" means, and the longest gap there."""
_MARGIN = 0.06
"""In intervals: how long after the predicted end to poll."""
_STALLED_PART_OF_AGE, _STALLED = 0.12, 1.2
"""Progress that has not risen for this part of the task's age, and for so many intervals, predicts nothing any more."""
_MIN_RECENT = 5
"""Fewer recent tasks say too little."""
_POLLS_IN_WINDOW = 5
"""Polls between the earliest and the latest end of recent tasks."""


@dataclass(frozen=True, slots=True)
class _Window:
    """The ages in seconds between which most recent tasks ended."""

    begin: float
    end: float


def choose_first_gap(interval: float) -> float:
    """Return the seconds from FoxAPI's acceptance to the first poll."""
    return interval * _FIRST


class PollSchedule:
    """The polls of one task. What it has learned from progress is in memory only, and is learned again after a restart.

    Over tasks of 8 to 120 seconds it makes about as many polls as a fixed interval does, and with fine progress half as
    many (tests/bot/worker/test_poll_schedule.py). FoxAPI's own estimate is not used, because it may be wrong by far.
    """

    def __init__(self, interval: float) -> None:
        """`interval`: the setting POLL_SECONDS."""
        self._interval = interval
        self._window: _Window | None = None
        self._step = 100
        """The greatest common divisor of 100 and all percentages seen: 25 for 25, 50 and 75; soon 1 for fine ones."""
        self._seen: list[tuple[float, int]] = []
        """The last two rises of progress: the task's age in seconds, and the percentage."""

    def learn_durations(self, recent: Sequence[float]) -> None:
        """Expect the end where most recent tasks ended; `recent`: how many seconds each took."""
        self._window = _find_window(recent)

    def record(self, age: float, percent: int) -> None:
        """Note what FoxAPI reported when the task was `age` seconds old."""
        if 0 < percent < 100 and percent > (self._seen[-1][1] if self._seen else 0):
            self._seen = [*self._seen[-1:], (age, percent)]
            self._step = math.gcd(self._step, percent)

    def choose_gap(self, age: float) -> float:
        """Return the seconds until the next poll of a task that is `age` seconds old."""
        if not self._seen or self._step > _FINE_STEP or self._has_stalled(age):
            return self._choose_gap_without_progress(age)
        rest, interval = self._predict_rest(age), self._interval
        if rest > _NEAR_END * interval:
            return self._bound(rest * _PART_OF_REST, _LONGEST_PREDICTED)
        return self._bound(rest + _MARGIN * interval, _LONGEST_NEAR_END)

    def _has_stalled(self, age: float) -> bool:
        return age - self._seen[-1][0] > max(_STALLED * self._interval, _STALLED_PART_OF_AGE * age)

    def _predict_rest(self, age: float) -> float:
        """Predict the seconds to 100 %, by the speed since the start or since the last rise, whichever is faster."""
        at, percent = self._seen[-1]
        end = at * 100 / percent
        if len(self._seen) > 1:
            before, percent_before = self._seen[0]
            end = min(end, at + (100 - percent) * (at - before) / (percent - percent_before))
        return end - age

    def _choose_gap_without_progress(self, age: float) -> float:
        """Choose the gap without useful progress: short where recent tasks ended, otherwise about the interval."""
        window, shortest = self._window, _SHORTEST * self._interval
        if window and age < window.begin - shortest:
            return self._bound(window.begin - age, _BEFORE_WINDOW)
        if window and age < window.end:
            return self._bound((window.end - window.begin) / _POLLS_IN_WINDOW, _REGULAR)
        return max(self._bound(age * _MAX_PART_OF_AGE, _REGULAR), self._bound(age * _MIN_PART_OF_AGE, _LONGEST))

    def _bound(self, gap: float, longest: float) -> float:
        return max(_SHORTEST * self._interval, min(longest * self._interval, gap))


def _find_window(recent: Sequence[float]) -> _Window | None:
    """Return between which ages eight of ten recent tasks ended, or None if too few are known."""
    if len(recent) < _MIN_RECENT:
        return None
    ordered, outside = sorted(recent), len(recent) // 10
    return _Window(ordered[outside], ordered[-1 - outside])
