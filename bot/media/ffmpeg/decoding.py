"""Whether the frames of a file can really be decoded: ffmpeg goes on over damage, and only its log tells."""

from __future__ import annotations

import re
from pathlib import Path

from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.process import Ffmpeg, Purpose

_SECONDS = 180.0
_MAX_SOUNDS = 8
_DAMAGE = re.compile(
    r"\[vist#[^\]]*\] \[dec:[^\]]*\] (?:corrupt decoded frame|Error submitting packet|Decoding error|Task finished)"
)


def has_damage(log: str) -> bool:
    """Whether the `log` of a run tells of damaged frames among those that were wanted.

    What comes before the first frame of a stream that begins in the middle does not count: ffmpeg describes its
    outputs when it has decoded one frame.
    """
    _, _, work = log.partition("\nOutput #0")
    return _DAMAGE.search(work) is not None


async def can_decode(ffmpeg: Ffmpeg, path: Path, *, sound: bool, start: float = 0.0) -> bool:
    """Whether all frames of `path`, and its first sound track if it has `sound`, are decoded without an error.

    Those before `start`, in seconds, are left out.
    """
    tracks = ["-map", "0:V:0", *(("-map", "0:a:0") if sound else ())]
    seek = ("-ss", f"{start:.6f}") if start else ()
    args = ["-xerror", *ffmpeg.input_args(path, *seek), *tracks, "-f", "null", "-"]
    try:
        result = await ffmpeg.run(args, seconds=_SECONDS, purpose=Purpose.PREPARE)
    except UnusableVideo:
        return False
    return result.code == 0 and not has_damage(result.stderr)


async def find_decodable_audio(ffmpeg: Ffmpeg, path: Path) -> int | None:
    """The number of the first sound track of `path` that can be decoded, or None."""
    for number in range(_MAX_SOUNDS):
        track = ["-map", f"0:a:{number}", "-frames:a", "8", "-ac", "1", "-ar", "8000", "-f", "u8", "pipe:1"]
        result = await ffmpeg.run([*ffmpeg.input_args(path), *track], seconds=30, purpose=Purpose.PREPARE)
        if result.stdout:
            return number
        if "matches no streams" in result.stderr:
            break
    return None


async def has_square_pixels(ffmpeg: Ffmpeg, path: Path) -> bool:
    """Whether the frames of `path` themselves, and not only its container, say that their pixels are square."""
    first = ["-map", "0:V:0", "-c", "copy", "-bsf:v", "trace_headers", "-frames:v", "1", "-f", "null", "-"]
    log = (await ffmpeg.run([*ffmpeg.input_args(path), *first], seconds=30, purpose=Purpose.PREPARE)).stderr
    shape, across, down = (_last_number(log, name) for name in ("aspect_ratio_idc", "sar_width", "sar_height"))
    return shape in {None, 0, 1} or (shape == 255 and across == down)


def _last_number(log: str, name: str) -> int | None:
    found = re.findall(rf"\[trace_headers @ \S+\] \d+ +{name} +[01]+ = (\d+)\n", log)
    return int(found[-1]) if found else None
