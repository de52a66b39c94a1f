"""Encode a film once more, so that it fits under Discord's upload limit, if it can still probed decent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.media.ffmpeg.encode import SOUND, encode_mp4
from bot.media.ffmpeg.filters import round_to_even
from bot.media.ffmpeg.process import Ffmpeg, Purpose

_SECONDS = 900.0
USABLE = 0.96
"""Of the limit; the rest is for the container and for the encoder's misses."""
_SHORT_EDGES = (720, 540, 480, 360)
_BITS_GOOD, _BITS_LEAST = 0.04, 0.025
"""Bits per pixel: from the first on a size is taken, and below the second nothing is worth sending."""
_RATE_MOST = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to encode a film as, so that it fits."""

    width: int
    height: int
    rate: float
    video_bits: int
    """Per second."""
    sound_bits: int


async def compress(ffmpeg: Ffmpeg, film: Path, clip: VideoInfo, *, max_bytes: int, into: Path) -> VideoInfo | None:
    """Write `film`, smaller than `max_bytes`, to `into`. None (and no file) if it would probed bad.

    Two passes of the encoder, and a second try with less if the first is still over the limit.
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
    """The largest size at which the bits suffice."""
    total = max_bytes * 8 / max(clip.seconds, 0.1)
    sound = 0 if not clip.audio else 96_000 if total > 900_000 else 64_000
    rate = min(clip.fps or _RATE_MOST, _RATE_MOST)
    short, shape = min(clip.width, clip.height), max(clip.width, clip.height) / min(clip.width, clip.height)
    for edge in sorted({min(short, edge) for edge in _SHORT_EDGES}, reverse=True):
        bits_per_pixel = (total - sound) / (edge * edge * shape * rate)
        last = edge <= _SHORT_EDGES[-1]
        if bits_per_pixel >= (_BITS_LEAST if last else _BITS_GOOD):
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
    sound = ["-map", "0:a:0?", *SOUND, "-b:a", str(chosen.sound_bits)] if chosen.sound_bits else []
    inputs = ffmpeg.input_args(film)
    try:
        await ffmpeg.run(
            [*inputs, *video, "-pass", "1", "-an", "-f", "null", "-"], seconds=_SECONDS, purpose=Purpose.COMPRESS
        )
        return await encode_mp4(
            ffmpeg, [*inputs, *video, "-pass", "2", *sound], into, seconds=_SECONDS, purpose=Purpose.COMPRESS
        )
    finally:
        await asyncio.to_thread(_remove_logs, log)


def _remove_logs(log: Path) -> None:
    for file in log.parent.glob(f"{log.name}*"):
        file.unlink(missing_ok=True)
