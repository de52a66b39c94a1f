"""Put the frames of a clip, untouched, into a plain MP4: what makes many clips unfit is only their container."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.media.conformance import find_problems
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.encode import SOUND, SOUND_BITS, encode_mp4
from bot.media.ffmpeg.filters import build_audio_filter, matches_format
from bot.media.ffmpeg.probe import ProbeResult, probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose

log = logging.getLogger(__name__)

_SECONDS = 60.0
_MAX_BYTES = 50_000_000
"""Of an upload. In front of FoxAPI stands a gateway that refuses bodies of some 100 MB; what is larger is encoded."""
_SQUARE = {"h264": "h264_metadata=sample_aspect_ratio=1/1", "hevc": "hevc_metadata=sample_aspect_ratio=1/1"}
_TOGETHER = 0.03
"""Seconds by which copied sound may begin before or after the frames."""


async def remux(
    ffmpeg: Ffmpeg, source: Path, probed: ProbeResult, *, sound: int | None, into: Path
) -> VideoInfo | None:
    """Write `source`'s frames, and its sound track number `sound`, to `into`. None if the result is not plainly fit.

    What is larger than 720p, or has frames of uneven length, is better encoded.
    Sound is copied where it fits the frames, else encoded, as long as they are.
    """
    if probed.clip.size > _MAX_BYTES or not matches_format(probed):
        return None
    # The first frame is at 0, or the new file would begin with nothing.
    shift = "setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS"
    if fix := _SQUARE.get(probed.header.codec):  # some readers believe the frames' own word and not the container's
        shift = f"{fix},{shift}"
    tag = ("-tag:v", "hvc1") if probed.header.codec == "hevc" else ()
    length = f"{probed.video.seconds:.6f}"
    args = [
        *ffmpeg.input_args(source),
        *_audio_args(probed, sound),
        *("-map", "0:V:0", "-c:v", "copy", "-bsf:v", shift, *tag, "-t", length),
    ]
    made = into.with_name(into.name + ".remuxed")
    try:
        clip = await encode_mp4(ffmpeg, args, made, seconds=_SECONDS, purpose=Purpose.PREPARE)
        again = await probe_details(ffmpeg, made)
        found = await find_problems(ffmpeg, made, again)
        if len(again.video.timestamps) != len(probed.video.timestamps):
            found.append("not as many frames")
        if found:
            log.info("remuxing is not enough: %s", "; ".join(found))
            return None
        await asyncio.to_thread(made.replace, into)
    except UnusableVideo as error:
        log.info("remuxing failed: %s", error)
        return None
    finally:
        await asyncio.to_thread(made.unlink, missing_ok=True)
    return clip


def _audio_args(probed: ProbeResult, number: int | None) -> list[str]:
    if number is None:
        return []
    tracks = probed.mp4.tracks_of_kind(b"soun") if probed.mp4 else []
    if number == 0 and probed.sound and tracks and tracks[0].entries[0].kind == b"mp4a":
        late = probed.sound.start - probed.video.start
        if abs(late) <= _TOGETHER and abs(probed.video.start) <= _TOGETHER:
            return ["-map", "0:a:0", "-c:a", "copy"]
    filters = build_audio_filter(start=probed.video.start, seconds=probed.video.seconds)
    return ["-filter_complex", f"[0:a:{number}]{filters}[a]", "-map", "[a]", *SOUND, "-b:a", str(SOUND_BITS)]
