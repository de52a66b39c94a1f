"""Make a clip that FoxAPI takes out of (almost) any video: its last 15 seconds at most, as a plain MP4."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path

from bot.media.encode import encode
from bot.media.errors import Unfit
from bot.media.ffmpeg import Ffmpeg
from bot.media.fitness import SECONDS_MOST, too_short
from bot.media.packets import Stretch
from bot.media.probe import Look, look
from bot.media.shape import picture_filter, shape_of, sound_filter
from bot.phrase import Phrase, say
from bot.task import Clip

LONGEST = 600.0
"""Seconds of video that are taken at most."""
_SECONDS = 180.0
_BACK = 1.0
"""Seconds before the cut at which decoding starts, so that no rounding of the seek can lose a picture."""
_NEAR = 0.25
"""Seconds that the clip may be shorter than 15 s for the sake of a cut between two pictures."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was made of a video, and what was kept back."""

    clip: Clip
    """The fit clip, as probed."""
    head_ends: float
    """Seconds from the video's beginning to the fit clip's. The film is this head and the result; 0: all was used."""
    note: Phrase
    """What was done, for the reply: `used the last 15 s of 0:40`, or `converted to MP4`."""


async def prepare(ffmpeg: Ffmpeg, source: Path, into: Path) -> Prepared:
    """Write a fit clip, made of the end of `source`, to `into`.

    Raises :class:`Unfit` if `source` is no video, shorter than 2 s, longer than 10 minutes, or cannot be decoded;
    there is no file then.
    """
    seen = await look(ffmpeg, source)
    if sentence := too_short(seen.clip):
        raise Unfit(sentence)
    if seen.clip.seconds > LONGEST + 0.5:
        raise Unfit(
            say(
                "That video is {length} long; I take at most {minutes} minutes - cut it shorter.",
                length=clock(seen.clip.seconds),
                minutes=f"{LONGEST / 60:g}",
            )
        )
    shape, cut = shape_of(seen), _cut(seen.video)
    pictures = min(shape.pictures(seen.video.end - cut), int(SECONDS_MOST * shape.rate))
    seek = _seek(seen, cut)
    graph = f"[0:V:0]{await picture_filter(ffmpeg, seen, shape, start=cut - seek, pictures=pictures)}[v]"
    if seen.sound:
        graph += f";[0:a:0]{sound_filter(start=cut - seek, seconds=float(pictures / shape.rate))}[a]"
    reading = ffmpeg.source(source, *(("-ss", f"{seek:.6f}") if seek else ()))
    clip = await encode(ffmpeg, reading, graph, sound=seen.sound is not None, into=into, seconds=_SECONDS)
    kept = cut - seen.video.start
    cut_out = say("used the last {seconds} s of {length}", seconds=round(clip.seconds), length=clock(seen.clip.seconds))
    return Prepared(clip, kept, cut_out if kept else say("converted to MP4"))


def _cut(video: Stretch) -> float:
    """When the part to be submitted begins: with a new picture, if there is one soon."""
    earliest = video.end - SECONDS_MOST
    if earliest <= video.start:
        return video.start
    following = bisect_left(video.begins, earliest - 0.001)  # for the sums of decimals are not exact
    if following < len(video.begins) and video.begins[following] - earliest < _NEAR:
        return video.begins[following]
    return earliest


def _seek(seen: Look, cut: float) -> float:
    """Where to begin decoding so that the picture which stands at `cut` is among what is decoded."""
    video = seen.video
    if not video.timed:
        return 0.0  # its pictures have to be counted, and a made-up time after a seek is not that of the head
    if seen.clip.container == "mpegts":
        return 0.0  # it has no index, and a seek leads to wherever, be it after the cut
    standing = video.begins[max(0, bisect_right(video.begins, cut) - 1)]
    return max(0.0, standing - _BACK)


def clock(seconds: float) -> str:
    """`0:40` and `10:05`."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"
