"""Probes and checks a clip, as the service does before it renders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.foxapi import ffmpeg

SHORTEST, LONGEST = 2.0, 15.0
CODECS = frozenset({"h264", "hevc", "av1"})
MAX_SIDE = 7680
MAX_RATE = 60.0

_CONTAINER = re.compile(r"^Input #0, (\S+), from ", re.MULTILINE)
_BRAND = re.compile(r"^\s+major_brand\s+: (.{1,4}?)\s*$", re.MULTILINE)
_DURATION = re.compile(r"^\s+Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)
_VIDEO = re.compile(
    r"^\s+Stream #0:\d+.*?: Video: (\w+).*?[ ,](\d{2,5})x(\d{2,5})\b(?!.*attached pic)(.*)$", re.MULTILINE
)
_AUDIO = re.compile(r"^\s+Stream #0:\d+.*?: Audio: (?!none)\w+", re.MULTILINE)
_RATE = re.compile(r" ([\d.]+)(k?) fps")
_PIXELS = re.compile(r"\b(yuvj?4\d\dp\w*|gray\w*)")
_ASPECT = re.compile(r"\[SAR (\d+):(\d+) ")
_TURN = re.compile(r"display ?matrix: rotation of (-?[\d.]+) degrees", re.IGNORECASE)


class UnusableClip(Exception):
    """The service rejects this clip; the text is its error message."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A video: length in seconds, size in pixels (after rotation), frames per second, and whether it has sound."""

    seconds: float
    width: int
    height: int
    rate: float
    audio: bool
    codec: str
    mp4: bool
    pixels: str


async def probe(path: Path) -> Clip:
    """Probe the file; raise :class:`UnusableClip` if it has no video or no known length."""
    try:
        output = await ffmpeg.describe(path)
    except TimeoutError as error:
        raise UnusableClip("the video could not be read in time") from error
    video, length = _VIDEO.search(output), _DURATION.search(output)
    if not video or not length:
        raise UnusableClip("the file is not a readable video")
    width, height = _compute_upright_size(output, video)
    rate, pixels = _RATE.search(video[4]), _PIXELS.search(video[0])
    container, brand = _CONTAINER.search(output), _BRAND.search(output)
    return Clip(
        seconds=int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3]),
        width=width,
        height=height,
        rate=_clamp_rate(float(rate[1]) * (1000 if rate[2] else 1)) if rate else 25.0,
        audio=bool(_AUDIO.search(output)),
        codec=video[1],
        pixels=pixels[1] if pixels else "",
        mp4=bool(container and "mp4" in container[1].split(",") and not (brand and brand[1].strip() == "qt")),
    )


def check(clip: Clip) -> None:
    """Raise :class:`UnusableClip` unless the service accepts `clip` (documented: MP4, H.264/H.265/AV1, 2 to 15 s)."""
    if not clip.mp4:
        raise UnusableClip("video must be an MP4 file")
    if clip.codec not in CODECS:
        raise UnusableClip(f"video codec {clip.codec} is not supported, use H.264, H.265 or AV1")
    if clip.pixels not in {"yuv420p", "yuvj420p"}:
        raise UnusableClip(f"pixel format {clip.pixels} is not supported, use 8-bit 4:2:0")
    if not SHORTEST <= clip.seconds <= LONGEST:
        raise UnusableClip(f"video duration must be between 2 and 15 seconds, got {clip.seconds:.2f}")
    if max(clip.width, clip.height) > MAX_SIDE:
        raise UnusableClip(f"video resolution {clip.width}x{clip.height} is too large")


def _clamp_rate(rate: float) -> float:
    return min(max(rate, 1.0), MAX_RATE)


def _compute_upright_size(output: str, video: re.Match[str]) -> tuple[int, int]:
    width, height = int(video[2]), int(video[3])
    if aspect := _ASPECT.search(video[4]):
        width = max(1, round(width * int(aspect[1]) / max(1, int(aspect[2]))))
    turn = _TURN.search(output)
    if turn and round(abs(float(turn[1]))) % 180 == 90:
        width, height = height, width
    return width, height
