"""Join videos without loss: what can stay as it is is copied, and only what lies around a seam is encoded.

A copy has to end before a key picture, so the pictures between the last one and the cut are encoded anew, a bridge.
The parts keep their own parameter sets, in band and under one sample entry (avc3), so that every decoder that follows
the standard changes them where the part does. Nothing is believed: the film is looked at and decoded around its seams,
and where anything is not as it should be there is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.decoding import decodes
from bot.media.ffmpeg.encode import SOUND, SOUND_BITS, picture_codec, write_part
from bot.media.ffmpeg.filters import HDR, OutputFormat, is_in_shape, output_format, steady_filter, video_filter
from bot.media.ffmpeg.keyframes import Order, decode_order
from bot.media.ffmpeg.probe import ProbeResult, probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.ffmpeg.seeking import decode_from
from bot.media.mp4.tracks import boxes_of

log = logging.getLogger(__name__)

_SECONDS = 900.0
_QUALITY = "15"
"""Of what is encoded, once for all: later joins copy it."""
_NOT_SPLICED = "the parts are not spliced: %s"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a video: `seconds` from `start` on, on its own time line."""

    path: Path
    seen: ProbeResult
    start: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of the film's pictures as a file of its own, in :func:`_ticks`."""

    path: Path
    pictures: int
    delay: int
    """How many pictures are decoded before the first one is shown."""
    parameters: bytes
    """What the decoder has to know before it begins."""


async def splice(
    ffmpeg: Ffmpeg, pieces: Sequence[Piece], shape: OutputFormat, sound: tuple[list[str], str] | None, into: Path
) -> VideoInfo | None:
    """Write `pieces` one after the other to `into`, the last of them untouched. None, and no file, if that cannot be.

    `sound`: the inputs, numbered from 1 on, and the filters that make all of the sound at [a].
    """
    if not is_copyable(pieces[-1].seen, shape):
        return None
    folder = into.with_name(into.name + ".parts")
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    try:
        segments = await _segments(ffmpeg, pieces, shape, folder)
        if segments is None:
            return None
        made = await _put_together(ffmpeg, segments, shape, sound, folder)
        film = await probe_details(ffmpeg, made)
        if not await _is_right(ffmpeg, made, film, segments, shape):
            log.info(_NOT_SPLICED, "what came out of it is not right")
            return None
        await asyncio.to_thread(made.replace, into)
    except UnusableVideo as error:
        log.info(_NOT_SPLICED, error)
        return None
    finally:
        await asyncio.to_thread(_remove, folder)
    return film.clip


def is_copyable(seen: ProbeResult, shape: OutputFormat) -> bool:
    """Whether a video's pictures can stand in a film of `shape` as they are."""
    header = seen.header
    plain = header.codec == "h264" and header.pixel_format == "yuv420p" and header.transfer not in HDR
    upright = not header.rotation and not header.interlaced and header.pixel_aspect == 1
    timed = seen.video.has_timestamps and seen.start == seen.video.start
    return plain and upright and timed and output_format(seen) == shape and is_in_shape(seen)


async def _segments(
    ffmpeg: Ffmpeg, pieces: Sequence[Piece], shape: OutputFormat, folder: Path
) -> list[_Segment] | None:
    last, segments = pieces[-1], []
    for number, piece in enumerate(pieces[:-1]):
        name = folder / f"{number}"
        if is_copyable(piece.seen, shape) and _same_colours(piece.seen, last.seen):
            segments += await _copied_to(ffmpeg, piece, shape, name)
        elif last.seen.header.matrix == "bt709":  # as is all that we encode
            pictures = shape.frames(piece.seconds)
            drawn = await video_filter(ffmpeg, piece.seen, shape, start=piece.start, pictures=pictures)
            segments.append(
                await _encoded(ffmpeg, ffmpeg.input_args(piece.path), drawn, shape, name.with_suffix(".mp4"))
            )
        else:
            log.info(_NOT_SPLICED, "their colours are coded differently")
            return None
    whole = await _copied(ffmpeg, last, len(last.seen.video.begins), shape, folder / "last.mp4")
    return [*segments, whole]


def _same_colours(one: ProbeResult, other: ProbeResult) -> bool:
    return (one.header.matrix, one.header.transfer) == (other.header.matrix, other.header.transfer)


async def _copied_to(ffmpeg: Ffmpeg, piece: Piece, shape: OutputFormat, name: Path) -> list[_Segment]:
    """`piece`, which begins its video: copied up to its last key picture, and a bridge from there to its end."""
    pictures, order = shape.frames(piece.seconds), await decode_order(ffmpeg, piece.path)
    if pictures == len(order.shown):
        return [await _copied(ffmpeg, piece, pictures, shape, name.with_suffix(".copy.mp4"))]
    key = order.last_cut(pictures)
    segments = [await _copied(ffmpeg, piece, key, shape, name.with_suffix(".copy.mp4"))] if key else []
    if pictures > key:
        start = piece.seen.video.begins[key]
        seek = decode_from(piece.seen, start)
        reading = ffmpeg.input_args(piece.path, *(("-ss", f"{seek:.6f}") if seek else ()))
        bridge = steady_filter(shape, start=start - seek, pictures=pictures - key)
        segments.append(await _encoded(ffmpeg, reading, bridge, shape, name.with_suffix(".bridge.mp4")))
    return segments


async def _copied(ffmpeg: Ffmpeg, piece: Piece, pictures: int, shape: OutputFormat, into: Path) -> _Segment:
    first = (*_ticks(shape), "-frames:v", str(pictures), "-bsf:v", "setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS")
    args = [*ffmpeg.input_args(piece.path), "-map", "0:V:0", "-c", "copy", *first]
    await write_part(ffmpeg, args, into, seconds=_SECONDS, work=Purpose.JOIN)
    return await _segment(ffmpeg, into)


async def _encoded(ffmpeg: Ffmpeg, reading: Sequence[str], drawn: str, shape: OutputFormat, into: Path) -> _Segment:
    graph = ["-filter_complex", f"[0:V:0]{drawn}[v]", "-map", "[v]"]
    codec = [*picture_codec(_QUALITY), *_ticks(shape)]
    await write_part(ffmpeg, [*reading, *graph, *codec], into, seconds=_SECONDS, work=Purpose.JOIN)
    return await _segment(ffmpeg, into)


def _ticks(shape: OutputFormat) -> tuple[str, str]:
    """The time scale of all segments, in which a picture lasts whole ticks: ffmpeg joins only what has one scale."""
    return ("-video_track_timescale", str(shape.rate.numerator * max(1, 15360 // shape.rate.numerator)))


async def _segment(ffmpeg: Ffmpeg, path: Path) -> _Segment:
    order: Order = await decode_order(ffmpeg, path)
    mp4 = await boxes_of(path)
    entries = [entry for track in mp4.of_kind(b"vide") for entry in track.entries] if mp4 else []
    config = entries[0].box(b"avcC") if entries else None
    return _Segment(path, len(order.shown), order.delay, config.body if config else b"")


async def _put_together(
    ffmpeg: Ffmpeg, segments: Sequence[_Segment], shape: OutputFormat, sound: tuple[list[str], str] | None, folder: Path
) -> Path:
    """One track of all segments, whose pictures are decoded at an even pace, and the sound beside it."""
    each, rate = 1 / shape.rate, f"({shape.rate.numerator}/{shape.rate.denominator}*TB)"
    lines = [f"file '{segment.path.name}'\nduration {float(segment.pictures * each):.6f}\n" for segment in segments]
    listing = folder / "list.txt"
    await asyncio.to_thread(listing.write_text, "ffconcat version 1.0\n" + "".join(lines))
    delay = max(segment.delay for segment in segments)
    even = f"setts=pts=round(PTS*{rate})/{rate}:dts=(N-{delay})/{rate}"
    reading = ["-protocol_whitelist", "file", "-f", "concat", "-i", f"file:{listing}"]
    tag = "avc1" if len({segment.parameters for segment in segments}) == 1 else "avc3"
    video = ["-map", "0:v:0", "-c:v", "copy", "-tag:v", tag, "-bsf:v", even]
    inputs, graph = sound or ([], "")
    heard = ["-filter_complex", graph, "-map", "[a]", *SOUND, "-b:a", str(SOUND_BITS)] if sound else []
    made = folder / "film.mp4"
    await write_part(ffmpeg, [*reading, *inputs, *video, *heard], made, seconds=_SECONDS, work=Purpose.JOIN)
    return made


async def _is_right(
    ffmpeg: Ffmpeg, film: Path, seen: ProbeResult, segments: Sequence[_Segment], shape: OutputFormat
) -> bool:
    """Whether every picture is there, at its time, and all that begins with the last cut can be decoded."""
    pictures, each = sum(segment.pictures for segment in segments), float(1 / shape.rate)
    in_time = all(abs(begin - number * each) < each / 4 for number, begin in enumerate(seen.video.begins))
    if len(seen.video.begins) != pictures or not in_time:
        return False
    seams = float(sum(segment.pictures for segment in segments[:-2]) / shape.rate)
    return await decodes(ffmpeg, film, sound=seen.header.sound, start=max(0.0, seams - 1))


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
