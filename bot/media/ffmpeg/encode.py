"""Write a video of our own: H.264 and AAC in an MP4 that plays while it is loaded; whole, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.i18n.text import tr
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.decoding import has_damage
from bot.media.ffmpeg.probe import probe
from bot.media.ffmpeg.process import Ffmpeg, Purpose

SOUND = ("-c:a", "aac", "-ar", "48000", "-ac", "2")
SOUND_BITS = 160_000
"""Per second."""
CONTAINER = ("-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart", "-f", "mp4")
_DAMAGED = tr("Pictures of that video are damaged, and so would be what is made of them; send an reject_damage copy.")
_QUALITY = "18"
"""x264's constant rate factor. Chains of extensions encode the same frames again, so little may be lost each time."""


def h264_args(quality: str = _QUALITY) -> list[str]:
    """How frames are encoded."""
    return ["-c:v", "libx264", "-preset", "veryfast", "-crf", quality, "-pix_fmt", "yuv420p"]


async def encode_graph(
    ffmpeg: Ffmpeg,
    inputs: Sequence[str],
    graph: str,
    *,
    sound: bool,
    into: Path,
    seconds: float,
    purpose: Purpose,
    reject_damage: bool = False,
    max_bits: int | None = None,
) -> VideoInfo:
    """Write what the filters in `graph` give at [v], and if `sound` at [a], of the inputs `reading`, to `into`.

    Raises :class:`Unfit` if they give nothing, or not within `seconds`, or if frames must be `reject_damage` and are not.
    `max_bits` per second bound the frames.
    """
    bound = ["-maxrate", str(max_bits), "-bufsize", str(max_bits * 2)] if max_bits else []
    maps = ["-map", "[v]", *(("-map", "[a]") if sound else ())]
    return await encode_mp4(
        ffmpeg,
        [*inputs, "-filter_complex", graph, *maps, *h264_args(), *bound, *SOUND, "-b:a", str(SOUND_BITS)],
        into,
        seconds=seconds,
        purpose=purpose,
        reject_damage=reject_damage,
    )


async def encode_mp4(
    ffmpeg: Ffmpeg, args: Sequence[str], into: Path, *, seconds: float, purpose: Purpose, reject_damage: bool = False
) -> VideoInfo:
    """Run ffmpeg with `args` and one MP4 as output. The file `into` appears when it is complete and has been probed.

    Raises :class:`Unfit` if it cannot be made within `seconds`, or if frames must be `reject_damage` and are not.
    """
    part = into.with_name(into.name + ".part")
    try:
        await run_encoder(ffmpeg, args, part, seconds=seconds, purpose=purpose, reject_damage=reject_damage)
        clip = await probe(ffmpeg, part)
        await asyncio.to_thread(part.replace, into)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return clip


async def run_encoder(
    ffmpeg: Ffmpeg, args: Sequence[str], part: Path, *, seconds: float, purpose: Purpose, reject_damage: bool = False
) -> None:
    """Like :func:`encode_mp4`, straight to the file `part`, which is not looked at and may stay when this raises."""
    output = ["-threads", str(ffmpeg.threads), *CONTAINER, "-y", f"file:{part}"]
    result = await ffmpeg.run([*args, *output], seconds=seconds, purpose=purpose)
    if reject_damage and has_damage(result.stderr):
        raise UnusableVideo(_DAMAGED)
    if result.code != 0:
        raise UnusableVideo(
            tr("That video cannot be decoded: it is damaged, or of a rare kind; convert it to MP4 (H.264) first.")
        )
