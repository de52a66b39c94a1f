"""Measures a finished film by its marks: its length, how far audio and video are off, and its cut."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from bot.media import ProbeResult
from tests.support.marked_clips import Change, find_beeps, measure_change, read_numbers
from tests.support.table_clips import Kind

_ROUNDING = 0.004
"""Seconds: Matroska's timestamps are whole milliseconds, audio is measured in quarters of one."""


@dataclass(frozen=True, slots=True)
class Seam:
    """The cut between the head and FoxAPI's result."""

    good: bool
    told: str


@dataclass(frozen=True, slots=True)
class Film:
    """The measurements of a film. All times are in seconds."""

    seconds: float
    sound_ahead: float | None
    """How much earlier the last beep of the clip is heard than its frame is seen; None without audio."""
    sound_ends: float
    """How much later the audio ends than the video."""
    late: float
    """The largest difference between a frame's time in the film and in the clip."""
    may_be_late: float
    unmatched: int | None
    """Frames of the clip that the film repeats or drops; None if the clip's frame rate is variable."""
    seam: Seam | None


def measure(
    kind: Kind, path: Path, seen: ProbeResult, clip: Path, source: ProbeResult, head: float, *, joined: bool
) -> Film:
    """Measure the film `path` of `clip`; `head` are its seconds before the cut, 0 if there is none.

    `joined`: whether FoxAPI's result contains the clip, so that the cut is inside the clip and not at its end.

    The stand-in's new part begins with the clip's last frame once more, as a continuation may.
    The clip's frame number n belongs at n / rate seconds from its beginning, whatever happened to it since.
    """
    found, rate = read_numbers(path), float(kind.frames_per_second)
    starts = [begin - seen.video.start for begin in seen.video.timestamps]
    inside = [n for n, start in enumerate(starts) if start < source.video.seconds - 0.5 / seen.clip.fps]
    own = _find_frame_times(clip, source)
    ahead, ends = _measure_audio(path, seen, [found[n] / rate for n in inside], starts)
    # A film of half the rate contains only every other frame.
    wanted = round(rate / seen.clip.fps)
    unmatched = sum(found[n] - found[n - 1] != wanted for n in inside[1:]) if kind.even else None
    seam = None
    if head:
        at = round(head * seen.clip.fps)
        # Moving frames change in brightness; the clip itself shows by how much.
        itself = measure_change(clip, found[at]).brightness if joined and kind.even and wanted == 1 else 0.0
        step = found[at] - found[at - 1] == (wanted if joined else 0) or not kind.even
        seam = _rate_cut(measure_change(path, at), itself, found[at - 1 : at + 1], right_step=step)
    return Film(
        seconds=seen.clip.seconds,
        sound_ahead=ahead,
        sound_ends=ends,
        late=max(_measure_lateness(starts[n], own.get(found[n])) for n in inside),
        may_be_late=max(1 / seen.clip.fps, 1 / rate) / 2 + _ROUNDING,
        unmatched=unmatched,
        seam=seam,
    )


def _find_frame_times(clip: Path, source: ProbeResult) -> dict[int, tuple[float, float]]:
    """Return the time span in which the clip itself shows each of its numbers."""
    begins = [begin - source.video.start for begin in source.video.timestamps]
    return dict(zip(read_numbers(clip), zip(begins, [*begins[1:], source.video.seconds], strict=True), strict=True))


def _measure_lateness(shown_at: float, own: tuple[float, float] | None) -> float:
    """Return the distance of `shown_at` from the time span in which the clip itself shows that frame."""
    begin, end = own or (math.inf, math.inf)
    return max(begin - shown_at, shown_at - end, 0.0)


def _measure_audio(
    path: Path, seen: ProbeResult, belongs: list[float], starts: list[float]
) -> tuple[float | None, float]:
    if seen.sound is None:
        return None, 0.0
    inside = [moment for moment in find_beeps(path) if moment < starts[len(belongs) - 1]]
    if not inside:
        return None, 0.0
    shown = bisect_right(starts, inside[-1]) - 1
    while shown and belongs[shown - 1] == belongs[shown]:  # a frame that is shown for longer: count from its beginning
        shown -= 1
    seen_as = belongs[shown] + inside[-1] - starts[shown]
    wanted = round(seen_as - 0.5) + 0.5
    return wanted - seen_as, seen.sound.end - seen.video.end


def _rate_cut(looks: Change, itself: float, pair: list[int], *, right_step: bool) -> Seam:
    brightness = looks.brightness - itself
    smooth = looks.at_seam <= 1.5 * looks.most_near + 1 and abs(brightness) < 2
    told = f"{pair[0]}→{pair[1]}, {looks.at_seam:.1f} / {looks.near:.1f}, {brightness:+.1f}"
    return Seam(right_step and smooth, told)
