"""Prepare a clip that FoxAPI accepts from almost any video: at most its last 15 seconds, as a plain MP4."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.i18n.text import Translatable, tr
from bot.media.conformance import find_video_problems
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.decoding import find_decodable_audio
from bot.media.ffmpeg.encode import encode_graph
from bot.media.ffmpeg.filters import build_audio_filter, build_video_filter, choose_format
from bot.media.ffmpeg.packets import Timeline
from bot.media.ffmpeg.probe import ProbeResult, probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.ffmpeg.seeking import build_timeline_args, find_seek_point
from bot.media.remux import remux
from bot.media.requirements import MAX_SECONDS, MIN_SECONDS, find_length_problem

MAX_SOURCE_SECONDS = 600.0
"""The longest video that is accepted."""
_CONVERTED = tr("converted to MP4")
_TIMEOUT = 180.0
_MAX_CUT_SHIFT = 0.25
"""Seconds by which the clip may be shorter than 15 s so that the cut falls between two frames."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared clip, and how much of the video was left out."""

    clip: VideoInfo
    """The prepared clip, as probed."""
    head_seconds: float
    """Seconds of the video before the prepared clip. The film is this head and the result; 0: all of it was used."""
    note: Translatable
    """What was done, for the reply: `used the last 15 s of 0:40`, or `converted to MP4`."""


async def prepare(ffmpeg: Ffmpeg, source: Path, into: Path) -> Prepared:
    """Write a clip that FoxAPI accepts, made from the end of `source`, to `into`.

    Raises :class:`UnusableVideo` if `source` is not a video, shorter than 2 s, longer than 10 minutes, encrypted,
    damaged or undecodable; no file is left then.
    """
    probed = await probe_details(ffmpeg, source)
    if sentence := find_length_problem(probed.clip):
        raise UnusableVideo(sentence)
    if probed.clip.seconds > MAX_SOURCE_SECONDS + 0.5:
        raise UnusableVideo(
            tr(
                "That video is {length} long; the limit is {minutes} minutes. Cut it shorter.",
                length=format_clock(probed.clip.seconds),
                minutes=f"{MAX_SOURCE_SECONDS / 60:g}",
            )
        )
    if probed.mp4 and any(track.encrypted for track in probed.mp4.tracks):
        raise UnusableVideo(tr("That video is encrypted and cannot be read without its key. Send an unprotected copy."))
    sound = await find_decodable_audio(ffmpeg, source) if probed.header.sound else None
    done = None
    if not find_video_problems(probed) and (clip := await remux(ffmpeg, source, probed, sound=sound, into=into)):
        done = Prepared(clip, 0.0, _CONVERTED)
    done = done or await _convert(ffmpeg, source, probed, sound=sound, into=into)
    if probed.header.sound and sound is None:
        without = tr("{what}, without its sound, which is in an unsupported format", what=done.note)
        return replace(done, note=without)
    return done


async def _convert(ffmpeg: Ffmpeg, source: Path, probed: ProbeResult, *, sound: int | None, into: Path) -> Prepared:
    """Re-encode the last 15 s of `source`."""
    target, cut = choose_format(probed), _choose_cut(probed.video, probed.start)
    frames = max(target.frames(probed.video.end - cut), ceil(MIN_SECONDS * target.rate))
    frames = min(frames, int(MAX_SECONDS * target.rate))
    seek = find_seek_point(probed, cut)
    filters = await build_video_filter(ffmpeg, probed, target, start=cut - seek, frames=frames)
    graph = f"[0:V:{probed.video_number}]{filters}[v]"
    if sound is not None:
        graph += f";[0:a:{sound}]{build_audio_filter(start=cut - seek, seconds=float(frames / target.rate))}[a]"
    inputs = ffmpeg.build_input_args(source, *(("-ss", f"{seek:.6f}") if seek else ()))
    inputs += build_timeline_args(probed)
    clip = await encode_graph(
        ffmpeg,
        inputs,
        graph,
        sound=sound is not None,
        into=into,
        seconds=_TIMEOUT,
        purpose=Purpose.PREPARE,
        reject_damage=True,
    )
    kept = cut - probed.start
    cut_out = tr(
        "used the last {seconds} s of {length}", seconds=round(clip.seconds), length=format_clock(probed.clip.seconds)
    )
    return Prepared(clip, kept, cut_out if kept else _CONVERTED)


def _choose_cut(video: Timeline, start: float) -> float:
    """Return where the submitted part begins: at a frame's start, if there is one close enough."""
    earliest = video.end - MAX_SECONDS
    if earliest <= start:
        return start
    following = bisect_left(video.timestamps, earliest - 0.001)  # tolerates rounding in sums of floats
    if following < len(video.timestamps) and video.timestamps[following] - earliest < _MAX_CUT_SHIFT:
        return video.timestamps[following]
    return earliest


def format_clock(seconds: float) -> str:
    """Format seconds as `0:40` or `10:05`."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"
