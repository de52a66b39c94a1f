"""What the marks in a finished film tell: its length, how far sound and pictures are off, and what its seam is like."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from bot.media import ProbeResult
from tests.support.marked_clips import Change, beeps, change, numbers
from tests.support.table_clips import Kind

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
    unmatched: int | None
    """Pictures of the clip that the film shows twice or leaves out; None if the clip is not even."""
    seam: Seam | None


def measured(
    kind: Kind, path: Path, seen: ProbeResult, clip: Path, source: ProbeResult, head: float, *, joined: bool
) -> Film:
    """Measure the film `path` of `clip`; `head` are its seconds before the seam, 0 if there is none.

    `joined`: whether FoxAPI's result has the clip in it, so that the seam lies inside the clip and not at its end.

    At the stand-in a new part begins with the clip's last picture once more, as a continuation may.
    A clip's picture number n belongs at n / rate seconds from its beginning, whatever happened to it since.
    """
    found, rate = numbers(path), float(kind.pictures_per_second)
    starts = [begin - seen.video.start for begin in seen.video.timestamps]
    inside = [n for n, start in enumerate(starts) if start < source.video.seconds - 0.5 / seen.clip.fps]
    own = _stretches(clip, source)
    ahead, ends = _sound(path, seen, [found[n] / rate for n in inside], starts)
    # A film of half the rate has room for every other picture alone.
    wanted = round(rate / seen.clip.fps)
    unmatched = sum(found[n] - found[n - 1] != wanted for n in inside[1:]) if kind.even else None
    seam = None
    if head:
        at = round(head * seen.clip.fps)
        # Moving pictures grow brighter and darker of themselves: the clip itself tells by how much.
        itself = change(clip, found[at]).brightness if joined and kind.even and wanted == 1 else 0.0
        step = found[at] - found[at - 1] == (wanted if joined else 0) or not kind.even
        seam = _seam(change(path, at), itself, found[at - 1 : at + 1], right_step=step)
    return Film(
        seconds=seen.clip.seconds,
        sound_ahead=ahead,
        sound_ends=ends,
        late=max(_lateness(starts[n], own.get(found[n])) for n in inside),
        may_be_late=max(1 / seen.clip.fps, 1 / rate) / 2 + _ROUNDING,
        unmatched=unmatched,
        seam=seam,
    )


def _stretches(clip: Path, source: ProbeResult) -> dict[int, tuple[float, float]]:
    """From when until when the clip itself shows each of its numbers."""
    begins = [begin - source.video.start for begin in source.video.timestamps]
    return dict(zip(numbers(clip), zip(begins, [*begins[1:], source.video.seconds], strict=True), strict=True))


def _lateness(shown_at: float, own: tuple[float, float] | None) -> float:
    """How far `shown_at` is from the stretch of time for which the clip itself shows that picture."""
    begin, end = own or (math.inf, math.inf)
    return max(begin - shown_at, shown_at - end, 0.0)


def _sound(path: Path, seen: ProbeResult, belongs: list[float], starts: list[float]) -> tuple[float | None, float]:
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


def _seam(looks: Change, itself: float, pair: list[int], *, right_step: bool) -> Seam:
    brightness = looks.brightness - itself
    smooth = looks.at_seam <= 1.5 * looks.most_near + 1 and abs(brightness) < 2
    told = f"{pair[0]}→{pair[1]}, {looks.at_seam:.1f} / {looks.near:.1f}, {brightness:+.1f}"
    return Seam(right_step and smooth, told)
