"""What the marks in a finished film tell: its length, how far sound and pictures are off, and what its seam is like."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from bot.media import Look
from tests.marked import beeps, change, numbers
from tests.table_clips import Kind

_ROUNDING = 0.004
"""Seconds: Matroska's times are whole milliseconds, sound is measured in quarters of one."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Where the kept head meets FoxAPI's result."""

    good: bool
    told: str


@dataclass(frozen=True, slots=True)
class Film:
    """All in seconds."""

    seconds: float
    sound_ahead: float | None
    """How much earlier the last beep of the clip is heard than its picture is seen; None if there is no sound."""
    sound_ends: float
    """How much later the sound ends than the pictures."""
    late: float
    """By how much the picture that is shown is older or newer than it should be, at the worst moment of the clip."""
    may_be_late: float
    seam: Seam | None


def measured(kind: Kind, path: Path, seen: Look, clip: Path, source: Look, head: float) -> Film:
    """Measure the film `path` of `clip`; `head` are its seconds before the seam, 0 if there is none.

    A clip's picture number n belongs at n / rate seconds from its beginning, whatever happened to it since.
    """
    found, rate = numbers(path), float(kind.pictures_per_second)
    starts = [begin - seen.video.start for begin in seen.video.begins]
    inside = [n for n, start in enumerate(starts) if start < source.video.seconds - 0.5 / seen.clip.fps]
    own = _stretches(clip, source)
    ahead, ends = _sound(path, seen, [found[n] / rate for n in inside], starts)
    seam = _seam(kind, path, seen, head, found) if head else None
    return Film(
        seconds=seen.clip.seconds,
        sound_ahead=ahead,
        sound_ends=ends,
        late=max(_lateness(starts[n], own.get(found[n])) for n in inside),
        may_be_late=max(1 / seen.clip.fps, 1 / rate) / 2 + _ROUNDING,
        seam=seam,
    )


def _stretches(clip: Path, source: Look) -> dict[int, tuple[float, float]]:
    """From when until when the clip itself shows each of its numbers."""
    begins = [begin - source.video.start for begin in source.video.begins]
    return dict(zip(numbers(clip), zip(begins, [*begins[1:], source.video.seconds], strict=True), strict=True))


def _lateness(shown_at: float, own: tuple[float, float] | None) -> float:
    """How far `shown_at` is from the stretch of time for which the clip itself shows that picture."""
    begin, end = own or (math.inf, math.inf)
    return max(begin - shown_at, shown_at - end, 0.0)


def _sound(path: Path, seen: Look, belongs: list[float], starts: list[float]) -> tuple[float | None, float]:
    if seen.sound is None:
        return None, 0.0
    inside = [moment for moment in beeps(path) if moment < starts[len(belongs) - 1]]
    if not inside:
        return None, 0.0
    shown = bisect_right(starts, inside[-1]) - 1
    while shown and belongs[shown - 1] == belongs[shown]:  # a picture that stands for longer: count from its beginning
        shown -= 1
    seen_as = belongs[shown] + inside[-1] - starts[shown]
    wanted = round(seen_as - 0.5) + 0.5
    return wanted - seen_as, seen.sound.end - seen.video.end


def _seam(kind: Kind, path: Path, seen: Look, head: float, found: list[int]) -> Seam:
    at = round(head * seen.clip.fps)
    looks = change(path, at)
    even = "vfr" not in kind.more and abs(seen.clip.fps - float(kind.pictures_per_second)) < 0.01
    # The stand-in's new part begins with the clip's last picture once more, as a continuation may.
    own_result_begins = found[at] == found[at - 1]
    right_step = found[at] - found[at - 1] == 1 or own_result_begins
    smooth = looks.at_seam <= 1.5 * looks.most_near + 1 and abs(looks.brightness) < 3
    told = f"{found[at - 1]}→{found[at]}, {looks.at_seam:.1f} / {looks.near:.1f}"
    return Seam((right_step or not even) and smooth, told)
