"""Check that a file really decodes: ffmpeg continues after damage and reports it only in its log."""

from __future__ import annotations

import re
from pathlib import Path

from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.process import Ffmpeg, Purpose

_TIMEOUT = 180.0
_MAX_AUDIO_TRACKS = 8
_NO_SUCH_STREAM = "matches no streams"
"""ffmpeg's message if an input has no track of the wanted number."""
_DAMAGE = re.compile(
    r"\[vist#[^\]]*\] \[dec:[^\]]*\] (?:corrupt decoded frame|Error submitting packet|Decoding error|Task finished)"
)


def has_damage(log: str) -> bool:
    """Whether the `log` of a run reports damage in the frames that were wanted.

    Messages before the first frame of a stream that begins in the middle do not count: ffmpeg describes its outputs
    once it has decoded a frame.
    """
    _, _, work = log.partition("\nOutput #0")
    return _DAMAGE.search(work) is not None


async def can_decode(ffmpeg: Ffmpeg, path: Path, *, sound: bool, start: float = 0.0) -> bool:
    """Whether all frames of `path`, and its first audio track if it has `sound`, decode without an error.

    Frames before `start`, in seconds, are skipped.
    """
    tracks = ["-map", "0:V:0", *(("-map", "0:a:0") if sound else ())]
    seek = ("-ss", f"{start:.6f}") if start else ()
    args = ["-xerror", *ffmpeg.build_input_args(path, *seek), *tracks, "-f", "null", "-"]
    try:
        result = await ffmpeg.run(args, seconds=_TIMEOUT, purpose=Purpose.PREPARE)
    except UnusableVideo:
        return False
    return result.code == 0 and not has_damage(result.stderr)


async def find_decodable_audio(ffmpeg: Ffmpeg, path: Path) -> int | None:
    """Return the number of the first audio track of `path` that can be decoded, or None."""
    for number in range(_MAX_AUDIO_TRACKS):
        track = ["-map", f"0:a:{number}", "-frames:a", "8", "-ac", "1", "-ar", "8000", "-f", "u8", "pipe:1"]
        result = await ffmpeg.run([*ffmpeg.build_input_args(path), *track], seconds=30, purpose=Purpose.PREPARE)
        if result.stdout:
            return number
        if _NO_SUCH_STREAM in result.stderr:
            break
    return None


async def has_square_pixels(ffmpeg: Ffmpeg, path: Path) -> bool:
    """Whether the bitstream of `path`, and not only its container, says that its pixels are square."""
    first = ["-map", "0:V:0", "-c", "copy", "-bsf:v", "trace_headers", "-frames:v", "1", "-f", "null", "-"]
    log = (await ffmpeg.run([*ffmpeg.build_input_args(path), *first], seconds=30, purpose=Purpose.PREPARE)).stderr
    ratio, across, down = (_find_last_number(log, name) for name in ("aspect_ratio_idc", "sar_width", "sar_height"))
    return ratio in {None, 0, 1} or (ratio == 255 and across == down)


def _find_last_number(log: str, name: str) -> int | None:
    found = re.findall(rf"\[trace_headers @ \S+\] \d+ +{name} +[01]+ = (\d+)\n", log)
    return int(found[-1]) if found else None
