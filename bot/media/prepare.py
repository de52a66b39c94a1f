"""Make a clip that FoxAPI takes out of (almost) any video: its last 15 seconds at most, as a plain MP4."""

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
from bot.media.ffmpeg.seeking import find_seek_point
from bot.media.remux import remux
from bot.media.requirements import MAX_SECONDS, MIN_SECONDS, find_length_problem

MAX_SOURCE_SECONDS = 600.0
"""Seconds of video that are taken at most."""
_CONVERTED = tr("converted to MP4")
_SECONDS = 180.0
_NEAR = 0.25
"""Seconds that the clip may be shorter than 15 s for the sake of a cut between two frames."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made of a video, and what was kept back."""

    clip: VideoInfo
    """The fit clip, as probed."""
    head_seconds: float
    """Seconds from the video's beginning to the fit clip's. The film is this head and the result; 0: all was used."""
    note: Translatable
    """What was done, for the reply: `used the last 15 s of 0:40`, or `converted to MP4`."""


async def prepare(ffmpeg: Ffmpeg, source: Path, into: Path) -> Prepared:
    """Write a fit clip, made of the end of `source`, to `into`.

    Raises :class:`Unfit` if `source` is no video, shorter than 2 s, longer than 10 minutes, encrypted, damaged, or
    cannot be decoded; there is no file then.
    """
    probed = await probe_details(ffmpeg, source)
    if sentence := find_length_problem(probed.clip):
        raise UnusableVideo(sentence)
    if probed.clip.seconds > MAX_SOURCE_SECONDS + 0.5:
        raise UnusableVideo(
            tr(
                "That video is {length} long; I take at most {minutes} minutes - cut it shorter.",
                length=format_clock(probed.clip.seconds),
                minutes=f"{MAX_SOURCE_SECONDS / 60:g}",
            )
        )
    if probed.mp4 and any(track.encrypted for track in probed.mp4.tracks):
        raise UnusableVideo(
            tr("That video is encrypted, so nobody without its key can read it; send an unprotected copy.")
        )
    sound = await find_decodable_audio(ffmpeg, source) if probed.header.sound else None
    done = None
    if not find_video_problems(probed) and (clip := await remux(ffmpeg, source, probed, sound=sound, into=into)):
        done = Prepared(clip, 0.0, _CONVERTED)
    done = done or await _convert(ffmpeg, source, probed, sound=sound, into=into)
    if probed.header.sound and sound is None:
        without = tr("{what}, without its sound, which is of a kind that I cannot decode", what=done.note)
        return replace(done, note=without)
    return done


async def _convert(ffmpeg: Ffmpeg, source: Path, probed: ProbeResult, *, sound: int | None, into: Path) -> Prepared:
    """Encode the last 15 s of `source` anew."""
    target, cut = choose_format(probed), _choose_cut(probed.video, probed.start)
    frames = max(target.frames(probed.video.end - cut), ceil(MIN_SECONDS * target.rate))
    frames = min(frames, int(MAX_SECONDS * target.rate))
    seek = find_seek_point(probed, cut)
    graph = f"[0:V:0]{await build_video_filter(ffmpeg, probed, target, start=cut - seek, frames=frames)}[v]"
    if sound is not None:
        graph += f";[0:a:{sound}]{build_audio_filter(start=cut - seek, seconds=float(frames / target.rate))}[a]"
    inputs = ffmpeg.input_args(source, *(("-ss", f"{seek:.6f}") if seek else ()))
    clip = await encode_graph(
        ffmpeg,
        inputs,
        graph,
        sound=sound is not None,
        into=into,
        seconds=_SECONDS,
        purpose=Purpose.PREPARE,
        reject_damage=True,
    )
    kept = cut - probed.start
    cut_out = tr(
        "used the last {seconds} s of {length}", seconds=round(clip.seconds), length=format_clock(probed.clip.seconds)
    )
    return Prepared(clip, kept, cut_out if kept else _CONVERTED)


def _choose_cut(video: Timeline, start: float) -> float:
    """When the part to be submitted begins: with a new frame, if there is one soon."""
    earliest = video.end - MAX_SECONDS
    if earliest <= start:
        return start
    following = bisect_left(video.timestamps, earliest - 0.001)  # for the sums of decimals are not exact
    if following < len(video.timestamps) and video.timestamps[following] - earliest < _NEAR:
        return video.timestamps[following]
    return earliest


def format_clock(seconds: float) -> str:
    """`0:40` and `10:05`."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"
