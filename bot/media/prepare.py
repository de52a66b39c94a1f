"""Make a clip that FoxAPI takes out of (almost) any video: its last 15 seconds at most, as a plain MP4."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.i18n.text import Translatable, tr
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.decoding import audible_track
from bot.media.ffmpeg.encode import encode
from bot.media.ffmpeg.filters import audio_filter, output_format, video_filter
from bot.media.ffmpeg.packets import Timeline
from bot.media.ffmpeg.probe import ProbeResult, probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.ffmpeg.seeking import decode_from
from bot.media.remux import remux
from bot.media.requirements import SECONDS_LEAST, SECONDS_MOST, too_short
from bot.media.strict_check import picture_faults

LONGEST = 600.0
"""Seconds of video that are taken at most."""
_CONVERTED = tr("converted to MP4")
_SECONDS = 180.0
_NEAR = 0.25
"""Seconds that the clip may be shorter than 15 s for the sake of a cut between two pictures."""


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
    seen = await probe_details(ffmpeg, source)
    if sentence := too_short(seen.clip):
        raise UnusableVideo(sentence)
    if seen.clip.seconds > LONGEST + 0.5:
        raise UnusableVideo(
            tr(
                "That video is {length} long; I take at most {minutes} minutes - cut it shorter.",
                length=clock(seen.clip.seconds),
                minutes=f"{LONGEST / 60:g}",
            )
        )
    if seen.mp4 and any(track.encrypted for track in seen.mp4.tracks):
        raise UnusableVideo(
            tr("That video is encrypted, so nobody without its key can read it; send an unprotected copy.")
        )
    sound = await audible_track(ffmpeg, source) if seen.header.sound else None
    done = None
    if not picture_faults(seen) and (clip := await remux(ffmpeg, source, seen, sound=sound, into=into)):
        done = Prepared(clip, 0.0, _CONVERTED)
    done = done or await _convert(ffmpeg, source, seen, sound=sound, into=into)
    if seen.header.sound and sound is None:
        without = tr("{what}, without its sound, which is of a kind that I cannot decode", what=done.note)
        return replace(done, note=without)
    return done


async def _convert(ffmpeg: Ffmpeg, source: Path, seen: ProbeResult, *, sound: int | None, into: Path) -> Prepared:
    """Encode the last 15 s of `source` anew."""
    shape, cut = output_format(seen), _cut(seen.video, seen.start)
    pictures = max(shape.frames(seen.video.end - cut), ceil(SECONDS_LEAST * shape.rate))
    pictures = min(pictures, int(SECONDS_MOST * shape.rate))
    seek = decode_from(seen, cut)
    graph = f"[0:V:0]{await video_filter(ffmpeg, seen, shape, start=cut - seek, pictures=pictures)}[v]"
    if sound is not None:
        graph += f";[0:a:{sound}]{audio_filter(start=cut - seek, seconds=float(pictures / shape.rate))}[a]"
    reading = ffmpeg.input_args(source, *(("-ss", f"{seek:.6f}") if seek else ()))
    clip = await encode(
        ffmpeg,
        reading,
        graph,
        sound=sound is not None,
        into=into,
        seconds=_SECONDS,
        work=Purpose.PREPARE,
        undamaged=True,
    )
    kept = cut - seen.start
    cut_out = tr("used the last {seconds} s of {length}", seconds=round(clip.seconds), length=clock(seen.clip.seconds))
    return Prepared(clip, kept, cut_out if kept else _CONVERTED)


def _cut(video: Timeline, start: float) -> float:
    """When the part to be submitted begins: with a new picture, if there is one soon."""
    earliest = video.end - SECONDS_MOST
    if earliest <= start:
        return start
    following = bisect_left(video.begins, earliest - 0.001)  # for the sums of decimals are not exact
    if following < len(video.begins) and video.begins[following] - earliest < _NEAR:
        return video.begins[following]
    return earliest


def clock(seconds: float) -> str:
    """`0:40` and `10:05`."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"
