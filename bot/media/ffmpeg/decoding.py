"""Check that a file really decodes: ffmpeg continues after damage and reports it only in its log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.process import Ffmpeg, Purpose

_TIMEOUT = 180.0
_MAX_AUDIO_TRACKS = 8
_NO_SUCH_STREAM = "matches no streams"
"""ffmpeg's message if an input has no track of the wanted number."""
_MESSAGE = r"\[dec:[^\]]*\] (?:corrupt decoded frame|Error submitting packet|Decoding error|Task finished)"
_DAMAGE = re.compile(rf"\[vist#[^\]]*\] {_MESSAGE}")
_DAMAGE_IN_FIRST_INPUT = re.compile(rf"\[[va]ist#0:[^\]]*\] {_MESSAGE}")
_FIRST_HEADERS = ("-map", "0:V:0", "-c", "copy", "-bsf:v", "trace_headers", "-frames:v", "1", "-f", "null", "-")
DECODING_OUTPUTS = ("-map", "0:V:0", "-map", "0:a:0?", "-f", "null", "-", *_FIRST_HEADERS)
"""Outputs by which a run that does other work too decodes its first input, for :func:`parse_decoding`."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """What decoding a whole file showed."""

    damaged: bool
    square_pixels: bool
    """Whether the bitstream, and not only the container, says that the pixels are square."""
    field_coded: bool = False
    """Whether each field is coded as a picture of its own (H.264, PAFF), as camcorders do."""


def parse_decoding(log: str) -> Decoding:
    """Parse the log of a run with :data:`DECODING_OUTPUTS` that succeeded."""
    return Decoding(_DAMAGE_IN_FIRST_INPUT.search(log) is not None, _is_square(log), _is_field_coded(log))


async def decode(ffmpeg: Ffmpeg, path: Path, *, sound: bool) -> Decoding:
    """Decode all frames of `path` and, if it has `sound`, its first audio track."""
    if not await can_decode(ffmpeg, path, sound=sound):
        return Decoding(damaged=True, square_pixels=False)
    log = await _trace_first_headers(ffmpeg, path)
    return Decoding(damaged=False, square_pixels=_is_square(log), field_coded=_is_field_coded(log))


async def is_field_coded(ffmpeg: Ffmpeg, path: Path) -> bool:
    """Whether the first picture of an H.264 video is a single field."""
    return _is_field_coded(await _trace_first_headers(ffmpeg, path))


async def _trace_first_headers(ffmpeg: Ffmpeg, path: Path) -> str:
    args = [*ffmpeg.build_input_args(path), *_FIRST_HEADERS]
    return (await ffmpeg.run(args, seconds=30, purpose=Purpose.PREPARE)).stderr


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


def _is_square(log: str) -> bool:
    ratio, across, down = (_find_last_number(log, name) for name in ("aspect_ratio_idc", "sar_width", "sar_height"))
    return ratio in {None, 0, 1} or (ratio == 255 and across == down)


def _is_field_coded(log: str) -> bool:
    return _find_last_number(log, "field_pic_flag") == 1


def _find_last_number(log: str, name: str) -> int | None:
    if name not in log:  # usually; the pattern is slow on the thousand lines of a long header
        return None
    found = re.findall(rf"\[trace_headers @ \S+\] \d+ +{name} +[01]+ = (\d+)\n", log)
    return int(found[-1]) if found else None
