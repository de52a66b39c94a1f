"""Concatenate videos without loss: copy what can be copied, and encode only the frames around a cut.

A copy has to end before a keyframe, so the frames between the last keyframe and the cut are re-encoded as a bridge.
The parts keep their own parameter sets, in band and under one sample entry (avc3), so that every conforming decoder
switches where the part changes. The result is verified: it is probed, and decoded around its cuts. If anything is
wrong, the result is discarded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.media.errors import TookTooLong, UnusableVideo
from bot.media.ffmpeg.decoding import can_decode
from bot.media.ffmpeg.encode import AUDIO_ARGS, AUDIO_BITS, build_h264_args, run_encoder
from bot.media.ffmpeg.filters import (
    HDR,
    OutputFormat,
    build_frame_filter,
    build_video_filter,
    choose_format,
    matches_format,
)
from bot.media.ffmpeg.keyframes import PacketOrder, read_packet_order
from bot.media.ffmpeg.probe import ProbeResult, probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.ffmpeg.seeking import build_timeline_args, find_seek_point
from bot.media.mp4.tracks import try_read_mp4
from bot.media.part_files import make_part_path

log = logging.getLogger(__name__)

_TIMEOUT = 900.0
_QUALITY = "15"
"""x264's constant rate factor for re-encoded frames; later joins copy them."""
_NOT_COPIED = "the parts are not concatenated without loss: %s"


@dataclass(frozen=True, slots=True)
class Segment:
    """A section of a video: `seconds` from `start` on the video's own timeline."""

    path: Path
    probed: ProbeResult
    start: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the film's video as a file of its own, in the time scale of :func:`_build_time_scale_args`."""

    path: Path
    frames: int
    delay: int
    """How many frames are decoded before the first one is shown."""
    parameters: bytes
    """The decoder configuration (avcC)."""


async def concat(
    ffmpeg: Ffmpeg, segments: Sequence[Segment], target: OutputFormat, sound: tuple[list[str], str] | None, into: Path
) -> VideoInfo | None:
    """Write `segments` in order to `into`, the last one unchanged. Return None, without a file, if that is impossible.

    `sound`: the audio inputs, numbered from 1, with their timeline outputs, and the filters that produce the whole
    audio at [a]. Raises TookTooLong.
    """
    if not is_copyable(segments[-1].probed, target):
        return None
    folder = make_part_path(into)
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    try:
        parts = await _make_parts(ffmpeg, segments, target, folder)
        if parts is None:
            return None
        made = await _mux(ffmpeg, parts, target, sound, folder)
        film = await probe_details(ffmpeg, made)
        if not await _is_valid(ffmpeg, made, film, parts, target):
            log.info(_NOT_COPIED, "the result has missing or misplaced frames")
            return None
        await asyncio.to_thread(made.replace, into)
    except TookTooLong:
        raise  # encoding the whole film would take even longer
    except UnusableVideo as error:
        log.info(_NOT_COPIED, error)
        return None
    finally:
        await asyncio.to_thread(_remove_folder, folder)
    return film.clip


def is_copyable(probed: ProbeResult, target: OutputFormat) -> bool:
    """Whether a video's frames can be part of a film in the format `target` without re-encoding."""
    header = probed.header
    plain = header.codec == "h264" and header.pixel_format == "yuv420p" and header.transfer not in HDR
    upright = not header.rotation and not header.interlaced and header.pixel_aspect == 1
    timed = probed.video.has_timestamps and probed.start == probed.video.start
    first = probed.video_number == 0
    return first and plain and upright and timed and choose_format(probed) == target and matches_format(probed)


async def _make_parts(
    ffmpeg: Ffmpeg, segments: Sequence[Segment], target: OutputFormat, folder: Path
) -> list[_Part] | None:
    last, parts = segments[-1], []
    for number, segment in enumerate(segments[:-1]):
        name = folder / f"{number}"
        if is_copyable(segment.probed, target) and _have_same_color(segment.probed, last.probed):
            parts += await _copy_up_to(ffmpeg, segment, target, name)
        elif last.probed.header.matrix == "bt709":  # the matrix of everything that we encode
            frames = target.frames(segment.seconds)
            video_filters = await build_video_filter(ffmpeg, segment.probed, target, start=segment.start, frames=frames)
            graph = f"[0:V:{segment.probed.video_number}]{video_filters}"
            inputs = [*ffmpeg.build_input_args(segment.path), *build_timeline_args(segment.probed)]
            parts.append(await _encode(ffmpeg, inputs, graph, target, name.with_suffix(".mp4")))
        else:
            log.info(_NOT_COPIED, "their color spaces differ")
            return None
    whole = await _copy(ffmpeg, last, len(last.probed.video.timestamps), target, folder / "last.mp4")
    return [*parts, whole]


def _have_same_color(one: ProbeResult, other: ProbeResult) -> bool:
    return (one.header.matrix, one.header.transfer) == (other.header.matrix, other.header.transfer)


async def _copy_up_to(ffmpeg: Ffmpeg, segment: Segment, target: OutputFormat, name: Path) -> list[_Part]:
    """Copy `segment`, which begins its video, up to its last keyframe, and encode a bridge from there to its end."""
    frames, order = target.frames(segment.seconds), await read_packet_order(ffmpeg, segment.path)
    if frames == len(order.display_indices):
        return [await _copy(ffmpeg, segment, frames, target, name.with_suffix(".copy.mp4"))]
    key = order.find_last_cut_before(frames)
    parts = [await _copy(ffmpeg, segment, key, target, name.with_suffix(".copy.mp4"))] if key else []
    if frames > key:
        start = segment.probed.video.timestamps[key]
        seek = find_seek_point(segment.probed, start)
        inputs = ffmpeg.build_input_args(segment.path, *(("-ss", f"{seek:.6f}") if seek else ()))
        inputs += build_timeline_args(segment.probed)
        bridge = f"[0:V:0]{build_frame_filter(target, start=start - seek, frames=frames - key)}"
        parts.append(await _encode(ffmpeg, inputs, bridge, target, name.with_suffix(".bridge.mp4")))
    return parts


async def _copy(ffmpeg: Ffmpeg, segment: Segment, frames: int, target: OutputFormat, into: Path) -> _Part:
    first = (
        *_build_time_scale_args(target),
        "-frames:v",
        str(frames),
        "-bsf:v",
        "setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS",
    )
    args = [*ffmpeg.build_input_args(segment.path), "-map", "0:V:0", "-c", "copy", *first]
    await run_encoder(ffmpeg, args, into, seconds=_TIMEOUT, purpose=Purpose.JOIN)
    return await _read_part(ffmpeg, into)


async def _encode(ffmpeg: Ffmpeg, inputs: Sequence[str], graph: str, target: OutputFormat, into: Path) -> _Part:
    video = ["-filter_complex", f"{graph}[v]", "-map", "[v]"]
    codec = [*build_h264_args(_QUALITY), *_build_time_scale_args(target)]
    await run_encoder(ffmpeg, [*inputs, *video, *codec], into, seconds=_TIMEOUT, purpose=Purpose.JOIN)
    return await _read_part(ffmpeg, into)


def _build_time_scale_args(target: OutputFormat) -> tuple[str, str]:
    """Set one time scale for all parts, with whole ticks per frame: ffmpeg joins only files with equal scales."""
    return ("-video_track_timescale", str(target.rate.numerator * max(1, 15360 // target.rate.numerator)))


async def _read_part(ffmpeg: Ffmpeg, path: Path) -> _Part:
    order: PacketOrder = await read_packet_order(ffmpeg, path)
    mp4 = await try_read_mp4(path)
    entries = [entry for track in mp4.find_tracks(b"vide") for entry in track.entries] if mp4 else []
    config = entries[0].find_box(b"avcC") if entries else None
    return _Part(path, len(order.display_indices), order.delay, config.body if config else b"")


async def _mux(
    ffmpeg: Ffmpeg, parts: Sequence[_Part], target: OutputFormat, sound: tuple[list[str], str] | None, folder: Path
) -> Path:
    """Write one track of all parts, with evenly spaced decoding times, and the audio beside it."""
    frame_seconds, rate = 1 / target.rate, f"({target.rate.numerator}/{target.rate.denominator}*TB)"
    lines = [f"file '{part.path.name}'\nduration {float(part.frames * frame_seconds):.6f}\n" for part in parts]
    listing = folder / "list.txt"
    await asyncio.to_thread(listing.write_text, "ffconcat version 1.0\n" + "".join(lines))
    delay = max(part.delay for part in parts)
    even = f"setts=pts=round(PTS*{rate})/{rate}:dts=(N-{delay})/{rate}"
    inputs = ["-protocol_whitelist", "file", "-f", "concat", "-i", f"file:{listing}"]
    tag = "avc1" if len({part.parameters for part in parts}) == 1 else "avc3"
    video = ["-map", "0:v:0", "-c:v", "copy", "-tag:v", tag, "-bsf:v", even]
    audio_inputs, graph = sound or ([], "")
    audio = ["-filter_complex", graph, "-map", "[a]", *AUDIO_ARGS, "-b:a", str(AUDIO_BITS)] if sound else []
    made = folder / "film.mp4"
    await run_encoder(ffmpeg, [*inputs, *audio_inputs, *video, *audio], made, seconds=_TIMEOUT, purpose=Purpose.JOIN)
    return made


async def _is_valid(
    ffmpeg: Ffmpeg, film: Path, probed: ProbeResult, parts: Sequence[_Part], target: OutputFormat
) -> bool:
    """Whether every frame is present at its time, and everything around the last cut decodes."""
    frames, frame_seconds = sum(part.frames for part in parts), float(1 / target.rate)
    in_time = all(
        abs(begin - number * frame_seconds) < frame_seconds / 4 for number, begin in enumerate(probed.video.timestamps)
    )
    if len(probed.video.timestamps) != frames or not in_time:
        return False
    cut_seconds = float(sum(part.frames for part in parts[:-2]) / target.rate)
    return await can_decode(ffmpeg, film, sound=probed.header.sound, start=max(0.0, cut_seconds - 1))


def _remove_folder(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
