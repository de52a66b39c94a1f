"""Encode our own videos: H.264 and AAC in an MP4 that plays while it loads. Files appear complete or not at all."""

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
from bot.media.part_files import make_part_path

AUDIO_ARGS = ("-c:a", "aac", "-ar", "48000", "-ac", "2")
AUDIO_BITS = 160_000
"""Bits per second."""
CONTAINER = ("-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart", "-f", "mp4")
_DAMAGED = tr("Parts of that video are damaged, so the result would be damaged too. Send an undamaged copy.")
_QUALITY = "18"
"""x264's constant rate factor. It is low because chained extensions encode the same frames again."""


def build_h264_args(quality: str = _QUALITY) -> list[str]:
    """Return the arguments of the video encoder."""
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
    """Encode the outputs [v], and [a] if `sound`, of the filters in `graph` to `into`, from the inputs `inputs`.

    Raises :class:`UnusableVideo` if they produce nothing, or not within `seconds`, or if `reject_damage` is set and
    frames are damaged. `max_bits` bounds the video's bits per second.
    """
    bound = ["-maxrate", str(max_bits), "-bufsize", str(max_bits * 2)] if max_bits else []
    maps = ["-map", "[v]", *(("-map", "[a]") if sound else ())]
    return await encode_mp4(
        ffmpeg,
        [*inputs, "-filter_complex", graph, *maps, *build_h264_args(), *bound, *AUDIO_ARGS, "-b:a", str(AUDIO_BITS)],
        into,
        seconds=seconds,
        purpose=purpose,
        reject_damage=reject_damage,
    )


async def encode_mp4(
    ffmpeg: Ffmpeg, args: Sequence[str], into: Path, *, seconds: float, purpose: Purpose, reject_damage: bool = False
) -> VideoInfo:
    """Run ffmpeg with `args` and one MP4 as output. The file `into` appears once it is complete and probed.

    Raises :class:`UnusableVideo` if it cannot be made within `seconds`, or if `reject_damage` is set and frames are
    damaged.
    """
    part = make_part_path(into)
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
    """Like :func:`encode_mp4`, but write directly to `part`, which is not probed and may remain if this raises."""
    output = ["-threads", str(ffmpeg.threads), *CONTAINER, "-y", f"file:{part}"]
    result = await ffmpeg.run([*args, *output], seconds=seconds, purpose=purpose)
    if reject_damage and has_damage(result.stderr):
        raise UnusableVideo(_DAMAGED)
    if result.code != 0:
        raise UnusableVideo(
            tr("That video cannot be decoded: it is damaged or in a rare format. Convert it to MP4 (H.264) first.")
        )
