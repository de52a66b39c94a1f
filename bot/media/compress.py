"""Re-encode a film to fit under Discord's upload limit, if it can still look acceptable."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.media.ffmpeg.encode import AUDIO_ARGS, encode_mp4
from bot.media.ffmpeg.filters import round_to_even
from bot.media.ffmpeg.process import Ffmpeg, Purpose

_TIMEOUT = 900.0
USABLE = 0.96
"""The share of the limit that is used; the rest is for the container and the encoder's inaccuracy."""
_SHORT_EDGES = (720, 540, 480, 360)
_BITS_GOOD, _BITS_MIN = 0.04, 0.025
"""Bits per pixel: a size is chosen from the first value on; below the second, nothing is worth sending."""
_MAX_RATE = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The format and bit rates of a compressed film."""

    width: int
    height: int
    rate: float
    video_bits: int
    """Bits per second."""
    sound_bits: int


async def compress(ffmpeg: Ffmpeg, film: Path, clip: VideoInfo, *, max_bytes: int, into: Path) -> VideoInfo | None:
    """Write `film`, at most `max_bytes` large, to `into`. Return None, without a file, if it would look bad.

    Encodes in two passes, and once more with fewer bits if the first attempt is over the limit.
    """
    share = USABLE
    for _ in range(2):
        chosen = choose_plan(clip, max_bytes * share)
        if chosen is None:
            return None
        made = await _encode_two_pass(ffmpeg, film, chosen, into)
        if made.size <= max_bytes:
            return made
        await asyncio.to_thread(into.unlink)
        share *= 0.95 * max_bytes / made.size
    return None


def choose_plan(clip: VideoInfo, max_bytes: float) -> Plan | None:
    """Return the largest size for which the bits suffice, or None."""
    total = max_bytes * 8 / max(clip.seconds, 0.1)
    sound = 0 if not clip.audio else 96_000 if total > 900_000 else 64_000
    rate = min(clip.fps or _MAX_RATE, _MAX_RATE)
    short, shape = min(clip.width, clip.height), max(clip.width, clip.height) / min(clip.width, clip.height)
    for edge in sorted({min(short, edge) for edge in _SHORT_EDGES}, reverse=True):
        bits_per_pixel = (total - sound) / (edge * edge * shape * rate)
        last = edge <= _SHORT_EDGES[-1]
        if bits_per_pixel >= (_BITS_MIN if last else _BITS_GOOD):
            width, height = (edge * shape, edge) if clip.width >= clip.height else (edge, edge * shape)
            return Plan(round_to_even(width), round_to_even(height), rate, int(total - sound), sound)
    return None


async def _encode_two_pass(ffmpeg: Ffmpeg, film: Path, chosen: Plan, into: Path) -> VideoInfo:
    log = into.with_name(into.name + ".pass")
    rate = [
        "-b:v",
        str(chosen.video_bits),
        "-maxrate",
        str(chosen.video_bits * 2),
        "-bufsize",
        str(chosen.video_bits * 4),
    ]
    video = [
        "-map",
        "0:V:0",
        "-vf",
        f"scale={chosen.width}:{chosen.height}:flags=bicubic",
        "-fpsmax",
        f"{chosen.rate:.3f}",
    ]
    video += ["-c:v", "libx264", "-preset", "fast", "-pix_fmt", "yuv420p", *rate, "-passlogfile", str(log)]
    sound = ["-map", "0:a:0?", *AUDIO_ARGS, "-b:a", str(chosen.sound_bits)] if chosen.sound_bits else []
    inputs = ffmpeg.build_input_args(film)
    try:
        await ffmpeg.run(
            [*inputs, *video, "-pass", "1", "-an", "-f", "null", "-"], seconds=_TIMEOUT, purpose=Purpose.COMPRESS
        )
        return await encode_mp4(
            ffmpeg, [*inputs, *video, "-pass", "2", *sound], into, seconds=_TIMEOUT, purpose=Purpose.COMPRESS
        )
    finally:
        await asyncio.to_thread(_remove_logs, log)


def _remove_logs(log: Path) -> None:
    for file in log.parent.glob(f"{log.name}*"):
        file.unlink(missing_ok=True)
