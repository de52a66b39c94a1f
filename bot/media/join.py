"""Make what the member asked for out of FoxAPI's result: the whole film, or only the new part.

The result is never assumed to be either: FoxAPI's page says "continuation clip", the model's maker says one joined
video of input and extension. Its length tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.media.encode import encode
from bot.media.ffmpeg import Ffmpeg, Work
from bot.media.probe import Look, look
from bot.media.shape import Shape, picture_filter, shape_of, silence, sound_filter
from bot.task import Clip, ResultKind

_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Kept:
    """The video that a member gave, and how much of it stands before what was submitted."""

    path: Path
    head_ends: float = 0.0
    """Seconds from its beginning, as :class:`~bot.media.prepare.Prepared` has it; 0: it was submitted whole."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What the member gets."""

    path: Path
    """Either the file that was to be written, or the result itself, where that is already right."""
    clip: Clip
    was_joined: bool
    """Whether FoxAPI's result already had the submitted clip in it."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a video: `seconds` from `start` on, on its own time line."""

    path: Path
    seen: Look
    start: float
    seconds: float


def has_input(result_seconds: float, submitted_seconds: float, added: float) -> bool:
    """Whether a result of this length is input and extension in one, rather than the extension alone."""
    return result_seconds > added + submitted_seconds / 2


def is_right(result: Clip, submitted: Clip, *, added: float, kind: ResultKind, head_ends: float) -> bool:
    """Whether FoxAPI's result, as probed, is what was ordered; then :func:`join` would only look at it again."""
    was_joined = has_input(result.seconds, submitted.seconds, added)
    return not was_joined if kind is ResultKind.NEW_PART else was_joined and head_ends <= 0


async def join(
    ffmpeg: Ffmpeg, kept: Kept, submitted: Clip, result: Path, *, added: float, kind: ResultKind, into: Path
) -> Joined:
    """The film or the new part, for the `added` seconds that were ordered; written to `into` only if need be.

    The film has the result's size and rate, no picture twice and none lost at the seam, and sound to its end if any
    part of it has sound. Raises :class:`~bot.media.errors.Unfit` if one of the files cannot be read.
    """
    seen = await look(ffmpeg, result)
    was_joined = has_input(seen.clip.seconds, submitted.seconds, added)
    whole = _Piece(result, seen, seen.start, seen.clip.seconds)
    if kind is ResultKind.NEW_PART:
        pieces = [_new_part(whole, submitted)] if was_joined else [whole]
    else:
        pieces = [*await _head(ffmpeg, kept, was_joined=was_joined), whole]
    if pieces == [whole]:
        return Joined(result, seen.clip, was_joined)
    clip = await _film(ffmpeg, pieces, shape_of(seen), into)
    return Joined(into, clip, was_joined)


def _new_part(whole: _Piece, submitted: Clip) -> _Piece:
    old = min(submitted.seconds, whole.seconds - 0.5)
    return _Piece(whole.path, whole.seen, whole.start + old, whole.seconds - old)


async def _head(ffmpeg: Ffmpeg, kept: Kept, *, was_joined: bool) -> list[_Piece]:
    """What of the member's video comes before the result: what was not submitted, or all if the result lacks it."""
    if was_joined and kept.head_ends <= 0:
        return []
    seen = await look(ffmpeg, kept.path)
    seconds = kept.head_ends if was_joined else seen.clip.seconds
    return [_Piece(kept.path, seen, seen.start, seconds)]


async def _film(ffmpeg: Ffmpeg, pieces: list[_Piece], shape: Shape, into: Path) -> Clip:
    """All `pieces` one after the other. Each is exactly as long in sound as in pictures, so that nothing drifts."""
    sound = any(piece.seen.sound for piece in pieces)
    reading: list[str] = []
    chains: list[str] = []
    for number, piece in enumerate(pieces):
        reading += ffmpeg.source(piece.path, "-t", f"{piece.start + piece.seconds + 1:.3f}")
        pictures = shape.pictures(piece.seconds)
        drawn = await picture_filter(ffmpeg, piece.seen, shape, start=piece.start, pictures=pictures)
        chains.append(f"[{number}:V:0]{drawn}[v{number}]")
        if sound:
            chains.append(f"{_sound(number, piece, float(pictures / shape.rate))}[a{number}]")
    pads = "".join(f"[v{number}][a{number}]" if sound else f"[v{number}]" for number in range(len(pieces)))
    chains.append(f"{pads}concat=n={len(pieces)}:v=1:a={int(sound)}[v]" + ("[a]" if sound else ""))
    return await encode(ffmpeg, reading, ";".join(chains), sound=sound, into=into, seconds=_SECONDS, work=Work.JOIN)


def _sound(number: int, piece: _Piece, seconds: float) -> str:
    if piece.seen.sound is None:
        return silence(seconds)
    return f"[{number}:a:0]{sound_filter(start=piece.start, seconds=seconds)}"
