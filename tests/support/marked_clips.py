"""Clips whose frames and beeps say when they belong, and functions that read these marks in a finished film.

A strip along the top of each frame contains its number in black and white blocks, which survive scaling, tone mapping
and poor encoders; a beep sounds at the half of each second. A film therefore shows which frame is where, and how far
its audio is off, no matter how it was made.
"""

from __future__ import annotations

import subprocess
from array import array
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import imageio_ffmpeg  # type: ignore[import-untyped]

_BITS = 16
_BLOCKS = _BITS + 2
"""A black block first and a white one last, which calibrate the others."""
_SOUND_RATE = 4000
_LOOK_WIDTH, _LOOK_HEIGHT = 64, 20


def build_frame_source(size: str, rate: str) -> str:
    """Return a source of moving test frames, each with its number."""
    strip = ["scroll=h=0.004", "drawbox=x=0:y=0:w=iw:h=ih/10:color=black:t=fill"]
    for place in range(1, _BLOCKS):
        shown = f":enable='mod(floor(n/{2 ** (place - 1)}),2)'" if place <= _BITS else ""
        strip.append(f"drawbox=x=iw*{place}/{_BLOCKS}:y=0:w=iw/{_BLOCKS}:h=ih/10:color=white:t=fill{shown}")
    return f"testsrc2=s={size}:r={rate},format=yuv420p,{','.join(strip)}"


def build_beep_source(hertz: int = 1000) -> str:
    """Return a source of audio: a twentieth of a second of `hertz`, half a second into each second."""
    return f"aevalsrc='sin(2*PI*{hertz}*t)*0.7*between(mod(t,1),0.5,0.55)':s=48000"


def ffmpeg(*args: str | Path) -> bytes:
    """Run ffmpeg on our own files and return its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *(str(arg) for arg in args)]
    return subprocess.run(command, check=True, capture_output=True, timeout=300).stdout


def read_numbers(film: Path) -> list[int]:
    """Return the number on each frame; for a frame without a strip, any number."""
    strip = f"crop=iw:ih/20:0:ih/40,scale={_BLOCKS}:1:flags=area,format=gray"
    raw = ffmpeg("-i", film, "-map", "0:V:0", "-vf", strip, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    return [_decode_number(raw[at : at + _BLOCKS]) for at in range(0, len(raw), _BLOCKS)]


def _decode_number(blocks: bytes) -> int:
    middle = (blocks[0] + blocks[-1]) / 2
    return sum(1 << bit for bit, block in enumerate(blocks[1:-1]) if block > middle)


def find_beeps(film: Path) -> list[float]:
    """Return when each beep begins, in seconds."""
    louder = f"highpass=f=700,aresample={_SOUND_RATE}:async=1:first_pts=0"
    raw = array("h", ffmpeg("-i", film, "-map", "0:a:0", "-af", louder, "-ac", "1", "-f", "s16le", "-"))
    level = max(map(abs, raw), default=0) / 4
    if level < 100:
        return []
    found, last = [], -_SOUND_RATE
    for at, sample in enumerate(raw):
        if abs(sample) > level:
            if at - last > _SOUND_RATE // 4:
                found.append(at / _SOUND_RATE)
            last = at
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """The change from each frame to the next, in levels of 0 to 255 (mean over pixels and Y, U, V)."""

    at_seam: float
    near: float
    """The median of the changes near the cut."""
    most_near: float
    brightness: float
    """By how much the frames before the cut are brighter on average than those after it."""


def measure_change(film: Path, seam: int, near: int = 8) -> Change:
    """Compare the frame `seam` with the one before it; strip and caption are ignored."""
    first = max(0, seam - near)
    middle = f"crop=iw:ih/2:0:ih*0.15,scale={_LOOK_WIDTH}:{_LOOK_HEIGHT}:flags=area,format=yuv444p"
    cut = f"trim=start_frame={first}:end_frame={seam + near}"
    looks = ["-vf", f"{cut},{middle}", "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    raw = ffmpeg("-i", film, "-map", "0:V:0", *looks)
    size = _LOOK_WIDTH * _LOOK_HEIGHT * 3
    frames = [raw[at : at + size] for at in range(0, len(raw), size)]
    steps = [sum(abs(a - b) for a, b in zip(one, two, strict=True)) / size for one, two in pairwise(frames)]
    at_seam = steps.pop(seam - first - 1)
    before, after = frames[: seam - first][-4:], frames[seam - first :][:4]
    luma = size // 3
    bright = [sum(sum(each[:luma]) for each in some) / luma / len(some) for some in (before, after)]
    return Change(at_seam, median(steps), max(steps), bright[0] - bright[1])
