"""Build what the member asked for from FoxAPI's result: the whole film, or only the new part.

A result may be either: FoxAPI's page says "continuation clip", the model's maker says one joined video of input and
extension. The result's length decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bot.domain.task import ResultKind, VideoInfo
from bot.media.compress import USABLE, choose_plan
from bot.media.concat import Segment, concat
from bot.media.ffmpeg.decoding import find_decodable_audio
from bot.media.ffmpeg.encode import AUDIO_BITS, encode_graph
from bot.media.ffmpeg.filters import OutputFormat, build_audio_filter, build_silence, build_video_filter, choose_format
from bot.media.ffmpeg.probe import probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.ffmpeg.seeking import build_timeline_args

_TIMEOUT = 900.0


@dataclass(frozen=True, slots=True)
class SourceClip:
    """The member's video, and how much of it precedes the submitted part."""

    path: Path
    head_seconds: float = 0.0
    """Seconds before the submitted part, as in :class:`~bot.media.prepare.Prepared`; 0: all of it was submitted."""


@dataclass(frozen=True, slots=True)
class JoinResult:
    """The video for the member."""

    path: Path
    """The file that was written, or FoxAPI's result itself if nothing had to be done."""
    clip: VideoInfo
    was_joined: bool
    """Whether FoxAPI's result already contained the submitted clip."""


def includes_input(result_seconds: float, submitted_seconds: float, added: float) -> bool:
    """Whether a result of this length is input and extension in one, not the extension alone."""
    return result_seconds > added + submitted_seconds / 2


def plays_everywhere(clip: VideoInfo) -> bool:
    """Whether every browser and phone plays `clip`, and plays it upright."""
    plain = clip.video_codec == "h264" and clip.pixel_format in {"yuv420p", "yuvj420p"}
    return plain and not clip.rotated and clip.container == "mp4"


def is_complete(result: VideoInfo, submitted: VideoInfo, *, added: float, kind: ResultKind, head_ends: float) -> bool:
    """Whether FoxAPI's result, as probed, can be delivered as it is, without :func:`join`."""
    was_joined = includes_input(result.seconds, submitted.seconds, added)
    if not plays_everywhere(result):
        return False
    return not was_joined if kind is ResultKind.NEW_PART else was_joined and head_ends <= 0


async def join(
    ffmpeg: Ffmpeg,
    kept: SourceClip,
    submitted: VideoInfo,
    result: Path,
    *,
    added: float,
    kind: ResultKind,
    into: Path,
    max_bytes: int | None = None,
) -> JoinResult:
    """Return the film or the new part, for the `added` seconds that were ordered. `into` is written only if necessary.

    The film has the result's size and frame rate, neither repeats nor drops a frame at the cut, and has audio to its
    end if any part has audio. It is 8-bit 4:2:0 H.264, which plays everywhere. If all of it has to be encoded, it is
    encoded straight to `max_bytes`, provided that it still looks acceptable.

    Raises :class:`~bot.media.errors.UnusableVideo` if one of the files cannot be read.
    """
    probed = await probe_details(ffmpeg, result)
    was_joined = includes_input(probed.clip.seconds, submitted.seconds, added)
    whole = Segment(result, probed, probed.start, probed.clip.seconds)
    if kind is ResultKind.NEW_PART:
        segments = [_find_new_part(whole, submitted)] if was_joined else [whole]
    else:
        segments = [*await _find_head(ffmpeg, kept, was_joined=was_joined), whole]
    if segments == [whole] and plays_everywhere(probed.clip) and probed.header.pixel_aspect == 1:
        return JoinResult(result, probed.clip, was_joined)
    clip = await _write_film(ffmpeg, segments, choose_format(probed), into, max_bytes)
    return JoinResult(into, clip, was_joined)


def _find_new_part(whole: Segment, submitted: VideoInfo) -> Segment:
    submitted_seconds = min(submitted.seconds, whole.seconds - 0.5)
    return Segment(whole.path, whole.probed, whole.start + submitted_seconds, whole.seconds - submitted_seconds)


async def _find_head(ffmpeg: Ffmpeg, kept: SourceClip, *, was_joined: bool) -> list[Segment]:
    """Return the part of the member's video before the result: the part not submitted, or all of it."""
    if was_joined and kept.head_seconds <= 0:
        return []
    probed = await probe_details(ffmpeg, kept.path)
    seconds = kept.head_seconds if was_joined else probed.clip.seconds
    return [Segment(kept.path, probed, probed.start, seconds)]


async def _write_film(
    ffmpeg: Ffmpeg, segments: list[Segment], target: OutputFormat, into: Path, max_bytes: int | None
) -> VideoInfo:
    """Write all `segments` in order. Each has audio exactly as long as its video, so that they never drift apart."""
    tracks = [
        await find_decodable_audio(ffmpeg, segment.path) if segment.probed.sound else None for segment in segments
    ]
    sound = any(track is not None for track in tracks)
    inputs = [arg for segment in segments for arg in _input_args(ffmpeg, segment)]
    audio_filters = (
        [_build_audio(segment, track, target) for segment, track in zip(segments, tracks, strict=True)] if sound else []
    )
    if len(segments) > 1:
        graph = _build_concat(audio_filters, first=1, video=False)
        audio_inputs = [*inputs, *_build_timelines(segments, first=1)]
        clip = await concat(ffmpeg, segments, target, (audio_inputs, graph) if sound else None, into)
        if clip is not None:
            return clip
    target, max_bits = _choose_bounds(segments, target, max_bytes, sound=sound)
    chains = []
    for number, segment in enumerate(segments):
        video_filters = await build_video_filter(
            ffmpeg, segment.probed, target, start=segment.start, frames=target.frames(segment.seconds)
        )
        chains.append(f"[{number}:V:{segment.probed.video_number}]{video_filters}[v{number}]")
    chains.append(_build_concat(audio_filters, first=0, video=True, count=len(segments)))
    return await encode_graph(
        ffmpeg,
        [*inputs, *_build_timelines(segments, first=0)],
        ";".join(chains),
        sound=sound,
        into=into,
        seconds=_TIMEOUT,
        purpose=Purpose.JOIN,
        max_bits=max_bits,
    )


def _choose_bounds(
    segments: list[Segment], target: OutputFormat, max_bytes: int | None, *, sound: bool
) -> tuple[OutputFormat, int | None]:
    """Return the format and the bit rate that fit `max_bytes`, or `target` and None if that would look bad."""
    seconds = sum(segment.seconds for segment in segments)
    film = segments[-1].probed.clip.model_copy(
        update={
            "seconds": seconds,
            "width": target.width,
            "height": target.height,
            "fps": float(target.rate),
            "audio": sound,
        }
    )
    chosen = choose_plan(film, max_bytes * USABLE) if max_bytes else None
    if chosen is None:
        return target, None
    # Reserves two seconds for the encoder's buffer, and the higher audio bit rate than in `compress`.
    bits = (chosen.video_bits + chosen.sound_bits - AUDIO_BITS * sound) * seconds / (seconds + 2)
    if bits <= 0:
        return target, None
    return replace(target, width=chosen.width, height=chosen.height), int(bits)


def _input_args(ffmpeg: Ffmpeg, segment: Segment) -> list[str]:
    return ffmpeg.build_input_args(segment.path, "-t", f"{segment.start + segment.seconds + 1:.3f}")


def _build_timelines(segments: list[Segment], *, first: int) -> list[str]:
    """Return the timeline outputs of these inputs, which are numbered from `first`."""
    return [arg for n, segment in enumerate(segments) for arg in build_timeline_args(segment.probed, first + n)]


def _build_audio(segment: Segment, track: int | None, target: OutputFormat) -> str:
    """Return the filters for a segment's audio, as long as its video; {number} stands for its input."""
    seconds = float(target.frames(segment.seconds) / target.rate)
    if track is None:
        return build_silence(seconds)
    return f"[{{number}}:a:{track}]{build_audio_filter(start=segment.start, seconds=seconds)}"


def _build_concat(audio_filters: list[str], *, first: int, video: bool, count: int = 0) -> str:
    """Return the filters that concatenate the audio, and the video if wanted, of the inputs from `first` on."""
    count = len(audio_filters) or count
    chains = [f"{filters.format(number=first + n)}[a{n}]" for n, filters in enumerate(audio_filters)]
    pads = "".join((f"[v{n}]" if video else "") + (f"[a{n}]" if audio_filters else "") for n in range(count))
    ends = ("[v]" if video else "") + ("[a]" if audio_filters else "")
    return ";".join([*chains, f"{pads}concat=n={count}:v={int(video)}:a={int(bool(audio_filters))}{ends}"])
