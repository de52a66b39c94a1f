"""Whether the pictures of a file can really be decoded: ffmpeg goes on over damage, and only its log tells."""

from __future__ import annotations

import re
from pathlib import Path

from bot.media.errors import Unfit
from bot.media.ffmpeg import Ffmpeg, Work

_SECONDS = 180.0
_MOST_SOUNDS = 8
_DAMAGE = re.compile(
    r"\[vist#[^\]]*\] \[dec:[^\]]*\] (?:corrupt decoded frame|Error submitting packet|Decoding error|Task finished)"
)
_SHAPE = re.compile(r"\n  Stream #0:0[^\n]* \[SAR (?!1:1 )\d+:\d+ DAR ")


def damage_in(log: str) -> bool:
    """Whether the `log` of a run tells of damaged pictures among those that were wanted.

    What comes before the first picture of a stream that begins in the middle does not count: ffmpeg describes its
    outputs when it has decoded one picture.
    """
    _, _, work = log.partition("\nOutput #0")
    return _DAMAGE.search(work) is not None


async def decodes(ffmpeg: Ffmpeg, path: Path, *, sound: bool) -> bool:
    """Whether all pictures of `path`, and its first sound track if it has `sound`, are decoded without an error.

    Pixels that are not square by the pictures' own word are an error too, whatever the container says.
    """
    tracks = ["-map", "0:V:0", *(("-map", "0:a:0") if sound else ())]
    args = ["-xerror", *ffmpeg.source(path), *tracks, "-f", "null", "-"]
    try:
        ran = await ffmpeg.run(args, seconds=_SECONDS, work=Work.PREPARE)
    except Unfit:
        return False
    squeezed = _SHAPE.search(ran.stderr.partition("\nOutput #0")[2])
    return ran.code == 0 and not damage_in(ran.stderr) and squeezed is None


async def audible_track(ffmpeg: Ffmpeg, path: Path) -> int | None:
    """The number of the first sound track of `path` that can be decoded, or None."""
    for number in range(_MOST_SOUNDS):
        track = ["-map", f"0:a:{number}", "-frames:a", "8", "-ac", "1", "-ar", "8000", "-f", "u8", "pipe:1"]
        ran = await ffmpeg.run([*ffmpeg.source(path), *track], seconds=30, work=Work.PREPARE)
        if ran.stdout:
            return number
        if "matches no streams" in ran.stderr:
            break
    return None
