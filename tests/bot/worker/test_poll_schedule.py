"""The polling schedule, simulated without a clock: how late an end is noticed, and how many polls that takes.

A fixed interval of five seconds notices an end after 2.5 seconds in the mean and 5 at worst.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import fmean

import pytest

from bot.worker.poll_schedule import PollSchedule, choose_first_gap

INTERVAL = 5.0
TASKS = 300
Progress = Callable[[float], float]
"""The percentage that FoxAPI reports when a part of the task's time, between 0 and 1, has passed."""


def bent(rng: random.Random) -> Progress:
    """Progress that runs ahead or lags behind and is updated twenty times, as a real encoder's is."""
    bend = rng.uniform(0.7, 1.4)
    return lambda part: 100 * (int(part * 20) / 20) ** bend


FINE: dict[str, Callable[[random.Random], Progress]] = {
    "even": lambda _: lambda part: 100 * part,
    "bent": bent,
    "starting late": lambda _: lambda part: max(0.0, part - 0.3) / 0.7 * 100,
}
OTHER: dict[str, Callable[[random.Random], Progress]] = {
    "none": lambda _: lambda _: 0,
    "in quarters": lambda _: lambda part: int(part * 4) * 25,
    "in tenths": lambda _: lambda part: int(part * 10) * 10,
    "in stages": lambda _: lambda part: 10 if part < 0.2 else 30 if part < 0.35 else 60 if part < 0.6 else 90,
    "at once, then nothing": lambda _: lambda _: 50,
}
STOPPING: dict[str, Callable[[random.Random], Progress]] = {
    "stopping at 95": lambda _: lambda part: min(95.0, 120 * part),
    "stopping at 43": lambda _: lambda part: min(43.0, 200 * part),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What polling made of many tasks: delays in seconds, and polls per poll of a fixed interval."""

    mean: float
    worst: float
    polls: float


def poll(takes: float, progress: Progress, schedule: PollSchedule) -> Iterator[float]:
    """Yield the ages at which a task that takes so many seconds is polled, without an end."""
    age = choose_first_gap(INTERVAL)
    while True:
        yield age
        schedule.record(age, min(99, int(progress(min(1.0, age / takes)))))
        age += schedule.choose_gap(age)


def simulate(
    make_progress: Callable[[random.Random], Progress], shortest: float, longest: float, spread: float | None = None
) -> Outcome:
    """Poll many tasks of `shortest` to `longest` seconds; `spread`: recent tasks took as long, within this part."""
    rng, delays, polls, fixed = random.Random(17), list[float](), 0, 0  # noqa: S311 (it draws durations)
    for number in range(TASKS):
        takes, schedule = shortest + (longest - shortest) * number / TASKS, PollSchedule(INTERVAL)
        if spread:
            schedule.learn_durations([takes * rng.uniform(1 - spread, 1 + spread) for _ in range(20)])
        for age in poll(takes, make_progress(rng), schedule):
            polls += 1
            if age >= takes:
                delays.append(age - takes)
                break
        fixed += math.ceil(takes / INTERVAL)
    return Outcome(fmean(delays), max(delays), polls / fixed)


@pytest.mark.parametrize("kind", OTHER)
@pytest.mark.parametrize(("shortest", "longest"), [(8, 15), (20, 30), (40, 60), (90, 120), (8, 120)])
def test_without_useful_progress_it_is_as_good_as_a_fixed_interval(kind: str, shortest: float, longest: float) -> None:
    """No end is noticed later than by a fixed interval, with as many polls."""
    outcome = simulate(OTHER[kind], shortest, longest)
    assert outcome.mean < 2.5
    assert outcome.worst < INTERVAL
    assert outcome.polls < 1.04


@pytest.mark.parametrize("kind", FINE)
@pytest.mark.parametrize(("shortest", "longest"), [(20, 30), (40, 60), (90, 120), (8, 120)])
def test_fine_progress_tells_the_end(kind: str, shortest: float, longest: float) -> None:
    """With fine progress an end is noticed within 1.5 seconds in the mean, with fewer polls."""
    outcome = simulate(FINE[kind], shortest, longest)
    assert outcome.mean < 1.55
    assert outcome.worst < 6.5
    assert outcome.polls < 0.75


def test_fine_progress_halves_the_polls_over_all_durations() -> None:
    """Over tasks of 8 to 120 seconds, even progress takes half the polls of a fixed interval."""
    assert simulate(FINE["even"], 8, 120).polls < 0.55


@pytest.mark.parametrize("kind", STOPPING)
def test_progress_that_stops_rising_is_not_believed_for_long(kind: str) -> None:
    """A task that stands still and then ends is noticed about as soon as by a fixed interval."""
    outcome = simulate(STOPPING[kind], 8, 120)
    assert outcome.mean < 2.6
    assert outcome.worst < 6
    assert outcome.polls < 1.04


def test_similar_recent_tasks_tell_the_end_too() -> None:
    """Without progress, recent tasks of similar length halve the delay at the cost of no poll."""
    outcome = simulate(OTHER["none"], 8, 120, spread=0.1)
    assert outcome.mean < 1.5
    assert outcome.worst < 6
    assert outcome.polls < 1.02


@pytest.mark.parametrize("recent", [[5.0] * 20, [600.0] * 20, [1.0, 600.0] * 10, [0.0] * 20])
def test_recent_tasks_of_another_length_do_no_harm(recent: list[float]) -> None:
    """A task that takes much shorter or longer than all others is noticed within six seconds."""
    for takes in range(8, 121):
        schedule = PollSchedule(INTERVAL)
        schedule.learn_durations(recent)
        noticed = next(age for age in poll(takes, lambda _: 0, schedule) if age >= takes)
        assert noticed - takes < 6


def test_an_old_task_is_polled_less_and_less_often_but_not_forgotten() -> None:
    """The gaps grow with the task's age, up to six intervals."""
    ages = list(islice(poll(7200, lambda _: 0, PollSchedule(INTERVAL)), 600))
    gaps = {int(age): later - age for age, later in pairwise(ages)}
    assert max(gap for age, gap in gaps.items() if age < 280) < INTERVAL
    assert max(gaps.values()) == pytest.approx(6 * INTERVAL)
    assert min(gap for age, gap in gaps.items() if age > 1800) == pytest.approx(6 * INTERVAL)


@pytest.mark.parametrize("interval", [0.05, 3.0, 60.0])
def test_every_gap_is_in_proportion_to_the_setting(interval: float) -> None:
    """No gap is shorter than four tenths of POLL_SECONDS, and none longer than six times that."""
    schedule = PollSchedule(interval)
    age = choose_first_gap(interval)
    for percent in range(100):
        schedule.record(age, percent)
        gap = schedule.choose_gap(age)
        assert 0.4 * interval <= gap <= 6 * interval
        age += gap
