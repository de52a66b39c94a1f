"""Make what the member asked for out of FoxAPI's result: the whole film, or only the new part.

The result is never assumed to be either: FoxAPI's page says "continuation clip", the model's maker says one joined
video of input and extension. Its length tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bot.domain.task import ResultKind, VideoInfo
from bot.media.compress import USABLE, plan
from bot.media.ffmpeg.decoding import audible_track
from bot.media.ffmpeg.encode import SOUND_BITS, encode
from bot.media.ffmpeg.filters import OutputFormat, audio_filter, output_format, silence, video_filter
from bot.media.ffmpeg.probe import probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.splice import Piece, splice

_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class SourceClip:
    """The video that a member gave, and how much of it stands before what was submitted."""

    path: Path
    head_seconds: float = 0.0
    """Seconds from its beginning, as :class:`~bot.media.prepare.Prepared` has it; 0: it was submitted whole."""


@dataclass(frozen=True, slots=True)
class JoinResult:
    """What the member gets."""

    path: Path
    """Either the file that was to be written, or the result itself, where that is already right."""
    clip: VideoInfo
    was_joined: bool
    """Whether FoxAPI's result already had the submitted clip in it."""


def includes_input(result_seconds: float, submitted_seconds: float, added: float) -> bool:
    """Whether a result of this length is input and extension in one, rather than the extension alone."""
    return result_seconds > added + submitted_seconds / 2


def plays_everywhere(clip: VideoInfo) -> bool:
    """Whether every browser and phone plays `clip`, and upright."""
    plain = clip.video_codec == "h264" and clip.pixel_format in {"yuv420p", "yuvj420p"}
    return plain and not clip.rotated and clip.container == "mp4"


def is_complete(result: VideoInfo, submitted: VideoInfo, *, added: float, kind: ResultKind, head_ends: float) -> bool:
    """Whether FoxAPI's result, as probed, is what was ordered; then :func:`join` would only look at it again."""
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
    most_bytes: int | None = None,
) -> JoinResult:
    """The film or the new part, for the `added` seconds that were ordered; written to `into` only if need be.

    The film has the result's size and rate, no picture twice and none lost at the seam, and sound to its end if any
    part of it has sound; it is H.264 with 8 bit and 4:2:0, which plays everywhere.
    Where all of it is encoded, it is made to fit `most_bytes` at once, if it can look decent so.
    Raises :class:`~bot.media.errors.UnusableVideo` if one of the files cannot be read.
    """
    seen = await probe_details(ffmpeg, result)
    was_joined = includes_input(seen.clip.seconds, submitted.seconds, added)
    whole = Piece(result, seen, seen.start, seen.clip.seconds)
    if kind is ResultKind.NEW_PART:
        pieces = [_new_part(whole, submitted)] if was_joined else [whole]
    else:
        pieces = [*await _head(ffmpeg, kept, was_joined=was_joined), whole]
    if pieces == [whole] and plays_everywhere(seen.clip) and seen.header.pixel_aspect == 1:
        return JoinResult(result, seen.clip, was_joined)
    clip = await _film(ffmpeg, pieces, output_format(seen), into, most_bytes)
    return JoinResult(into, clip, was_joined)


def _new_part(whole: Piece, submitted: VideoInfo) -> Piece:
    old = min(submitted.seconds, whole.seconds - 0.5)
    return Piece(whole.path, whole.seen, whole.start + old, whole.seconds - old)


async def _head(ffmpeg: Ffmpeg, kept: SourceClip, *, was_joined: bool) -> list[Piece]:
    """What of the member's video comes before the result: what was not submitted, or all if the result lacks it."""
    if was_joined and kept.head_seconds <= 0:
        return []
    seen = await probe_details(ffmpeg, kept.path)
    seconds = kept.head_seconds if was_joined else seen.clip.seconds
    return [Piece(kept.path, seen, seen.start, seconds)]


async def _film(
    ffmpeg: Ffmpeg, pieces: list[Piece], shape: OutputFormat, into: Path, most_bytes: int | None
) -> VideoInfo:
    """All `pieces` one after the other. Each is exactly as long in sound as in pictures, so that nothing drifts."""
    tracks = [await audible_track(ffmpeg, piece.path) if piece.seen.sound else None for piece in pieces]
    sound = any(track is not None for track in tracks)
    reading = [arg for piece in pieces for arg in _reading(ffmpeg, piece)]
    heard = [_sound(piece, track, shape) for piece, track in zip(pieces, tracks, strict=True)] if sound else []
    if len(pieces) > 1:
        graph = _one_after_the_other(heard, first=1, video=False)
        clip = await splice(ffmpeg, pieces, shape, (reading, graph) if sound else None, into)
        if clip is not None:
            return clip
    shape, most_bits = _bounded(pieces, shape, most_bytes, sound=sound)
    chains = []
    for number, piece in enumerate(pieces):
        drawn = await video_filter(ffmpeg, piece.seen, shape, start=piece.start, pictures=shape.frames(piece.seconds))
        chains.append(f"[{number}:V:0]{drawn}[v{number}]")
    chains.append(_one_after_the_other(heard, first=0, video=True, count=len(pieces)))
    return await encode(
        ffmpeg,
        reading,
        ";".join(chains),
        sound=sound,
        into=into,
        seconds=_SECONDS,
        work=Purpose.JOIN,
        most_bits=most_bits,
    )


def _bounded(
    pieces: list[Piece], shape: OutputFormat, most_bytes: int | None, *, sound: bool
) -> tuple[OutputFormat, int | None]:
    """The shape and the bits per second that fit `most_bytes`; `shape` and None if that would look bad."""
    seconds = sum(piece.seconds for piece in pieces)
    film = pieces[-1].seen.clip.model_copy(
        update={
            "seconds": seconds,
            "width": shape.width,
            "height": shape.height,
            "fps": float(shape.rate),
            "audio": sound,
        }
    )
    chosen = plan(film, most_bytes * USABLE) if most_bytes else None
    if chosen is None:
        return shape, None
    # The encoder may use up its buffer, two seconds' worth, on top; and the sound has more bits here than in `fit`.
    bits = (chosen.video_bits + chosen.sound_bits - SOUND_BITS * sound) * seconds / (seconds + 2)
    if bits <= 0:
        return shape, None
    return replace(shape, width=chosen.width, height=chosen.height), int(bits)


def _reading(ffmpeg: Ffmpeg, piece: Piece) -> list[str]:
    return ffmpeg.input_args(piece.path, "-t", f"{piece.start + piece.seconds + 1:.3f}")


def _sound(piece: Piece, track: int | None, shape: OutputFormat) -> str:
    """The filters that make a piece's sound, as long as its pictures; {number} stands for its input."""
    seconds = float(shape.frames(piece.seconds) / shape.rate)
    if track is None:
        return silence(seconds)
    return f"[{{number}}:a:{track}]{audio_filter(start=piece.start, seconds=seconds)}"


def _one_after_the_other(heard: list[str], *, first: int, video: bool, count: int = 0) -> str:
    """The filters that put the sounds `heard` of the inputs from `first` on behind each other, and the pictures too."""
    count = len(heard) or count
    chains = [f"{filters.format(number=first + n)}[a{n}]" for n, filters in enumerate(heard)]
    pads = "".join((f"[v{n}]" if video else "") + (f"[a{n}]" if heard else "") for n in range(count))
    ends = ("[v]" if video else "") + ("[a]" if heard else "")
    return ";".join([*chains, f"{pads}concat=n={count}:v={int(video)}:a={int(bool(heard))}{ends}"])
