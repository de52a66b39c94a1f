"""Copy a clip's frames unchanged into a plain MP4: in many clips only the container is the problem."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.media.conformance import find_problems
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.encode import AUDIO_ARGS, AUDIO_BITS, encode_mp4
from bot.media.ffmpeg.filters import build_audio_filter, matches_format
from bot.media.ffmpeg.probe import ProbeResult, probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.requirements import MAX_SECONDS

log = logging.getLogger(__name__)

_TIMEOUT = 60.0
_MAX_BYTES = 50_000_000
"""The largest file to upload. A gateway in front of FoxAPI refuses about 100 MB; larger files are re-encoded."""
_SQUARE_PIXEL_FILTERS = {
    "h264": "h264_metadata=sample_aspect_ratio=1/1",
    "hevc": "hevc_metadata=sample_aspect_ratio=1/1",
}
_TAGS = {"h264": "avc1", "hevc": "hvc1"}
"""The sample entries whose parameter sets are in the header; ffmpeg would keep the source's avc3 or hev1."""
_MAX_AUDIO_OFFSET = 0.03
"""Seconds by which copied audio may begin before or after the video."""


async def remux(
    ffmpeg: Ffmpeg, source: Path, probed: ProbeResult, *, sound: int | None, into: Path
) -> VideoInfo | None:
    """Write `source`'s video, and its audio track number `sound`, to `into`. None if the result still has problems.

    Clips above 720p or with an uneven frame rate are not remuxed, because they are better re-encoded. Audio is copied
    if it is in step with the video, else it is re-encoded to the video's length.
    """
    if probed.clip.size > _MAX_BYTES or not matches_format(probed):
        return None
    # The first frame is shifted to 0, because players would show nothing before it.
    shift = "setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS"
    if fix := _SQUARE_PIXEL_FILTERS.get(probed.header.codec):  # some readers trust the bitstream and not the container
        shift = f"{fix},{shift}"
    tag = ("-tag:v", _TAGS[probed.header.codec]) if probed.header.codec in _TAGS else ()
    length = f"{probed.video.seconds:.6f}"
    args = [
        *ffmpeg.build_input_args(source),
        *_build_audio_args(probed, sound),
        *("-map", f"0:V:{probed.video_number}", "-c:v", "copy", "-bsf:v", shift, *tag, "-t", length),
    ]
    made = into.with_name(into.name + ".remuxed")
    try:
        clip = await encode_mp4(ffmpeg, args, made, seconds=_TIMEOUT, purpose=Purpose.PREPARE)
        again = await probe_details(ffmpeg, made, decode_up_to=MAX_SECONDS)
        found = await find_problems(ffmpeg, made, again)
        if len(again.video.timestamps) != len(probed.video.timestamps):
            found.append("frames were lost")
        if found:
            log.info("remuxing does not fix the clip: %s", "; ".join(found))
            return None
        await asyncio.to_thread(made.replace, into)
    except UnusableVideo as error:
        log.info("remuxing failed: %s", error)
        return None
    finally:
        await asyncio.to_thread(made.unlink, missing_ok=True)
    return clip


def _build_audio_args(probed: ProbeResult, number: int | None) -> list[str]:
    if number is None:
        return []
    tracks = probed.mp4.find_tracks(b"soun") if probed.mp4 else []
    if number == 0 and probed.sound and tracks and tracks[0].entries[0].kind == b"mp4a":
        late = probed.sound.start - probed.video.start
        if abs(late) <= _MAX_AUDIO_OFFSET and abs(probed.video.start) <= _MAX_AUDIO_OFFSET:
            return ["-map", "0:a:0", "-c:a", "copy"]
    filters = build_audio_filter(start=probed.video.start, seconds=probed.video.seconds)
    return ["-filter_complex", f"[0:a:{number}]{filters}[a]", "-map", "[a]", *AUDIO_ARGS, "-b:a", str(AUDIO_BITS)]
