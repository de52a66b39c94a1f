"""The sample table of an MP4 track: how many samples there are, how long they last, and where they end in the file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from bot.media.errors import InvalidMp4
from bot.media.mp4.boxes import Box

_MAX_ENTRIES = 4_000_000


@dataclass(frozen=True, slots=True)
class Samples:
    """What the table says."""

    count: int
    seconds: float
    """The sum of all their lengths."""
    ends_at: int
    """A byte of the file up to which it must reach for them."""


def read_samples(table: Box, scale: int) -> Samples:
    """Read `stbl`. Raises InvalidMp4 if its tables do not fit each other."""
    times = _numbers(table.require(b"stts"), 2)
    count = sum(times[0::2])
    length = sum(run * each for run, each in zip(times[0::2], times[1::2], strict=True))
    sizes = _sizes(table, count)
    offsets = _offsets(table)
    if count and not offsets:
        raise InvalidMp4("samples without a place")
    ends_at = max(offsets, default=-1) + 1
    if sizes:
        ends_at = max(ends_at, _ends_at(_numbers(table.require(b"stsc"), 3), sizes, offsets))
    return Samples(count, length / scale, ends_at)


def _numbers(box: Box, columns: int) -> tuple[int, ...]:
    """The 32-bit numbers of a table of so many columns, whose length stands before it."""
    (count,) = box.unpack("I", 4)
    return _unpacked(box, "I", count * columns, 8)


def _unpacked(box: Box, letter: str, count: int, at: int) -> tuple[int, ...]:
    if count > _MAX_ENTRIES:
        raise InvalidMp4(f"{box.kind!r} is too long")
    return box.unpack(f"{count}{letter}", at)


def _sizes(table: Box, count: int) -> tuple[int, ...]:
    """The size of each sample; nothing where all have the same, for then it may mean a unit of sound."""
    box = table.find_one(b"stsz")
    if box is None:
        if table.find_one(b"stz2") is None:
            raise InvalidMp4("samples without sizes")
        return ()  # a compact table, which hardly anyone writes
    uniform, stated = box.unpack("II", 4)
    if stated != count:
        raise InvalidMp4("stts and stsz count differently")
    return () if uniform else _unpacked(box, "I", stated, 12)


def _offsets(table: Box) -> tuple[int, ...]:
    """Where each chunk of samples begins in the file."""
    short, long = table.find_one(b"stco"), table.find_one(b"co64")
    if short is not None:
        return _numbers(short, 1)
    if long is None:
        raise InvalidMp4("samples without a place")
    (count,) = long.unpack("I", 4)
    return _unpacked(long, "Q", count, 8)


def _ends_at(runs: tuple[int, ...], sizes: tuple[int, ...], offsets: tuple[int, ...]) -> int:
    """The end of the chunk that reaches furthest; `runs` are (first chunk, samples in each, description)."""
    sums = [0, *accumulate(sizes)]
    firsts, per_chunk = runs[0::3], runs[1::3]
    if list(firsts) != sorted(set(firsts)) or firsts[:1] != (1,):
        raise InvalidMp4("stsc is out of order")
    furthest, sample = 0, 0
    for first, following, samples in zip(firsts, (*firsts[1:], len(offsets) + 1), per_chunk, strict=True):
        for chunk in range(first - 1, min(following - 1, len(offsets))):
            end = min(sample + samples, len(sizes))
            furthest = max(furthest, offsets[chunk] + sums[end] - sums[sample])
            sample = end
    if sample != len(sizes):
        raise InvalidMp4("stsc and stsz count differently")
    return furthest
