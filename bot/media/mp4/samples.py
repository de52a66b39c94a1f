"""The sample table of an MP4 track: number of samples, their duration, and where they end in the file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from bot.media.errors import InvalidMp4
from bot.media.mp4.boxes import Box

_MAX_ENTRIES = 4_000_000


@dataclass(frozen=True, slots=True)
class Samples:
    """A summary of the table."""

    count: int
    seconds: float
    """The sum of all sample durations."""
    ends_at: int
    """The minimum file size in bytes that contains all samples."""


def read_samples(table: Box, scale: int) -> Samples:
    """Parse `stbl`. Raises InvalidMp4 if its tables contradict each other."""
    times = _read_table(table.require(b"stts"), 2)
    count = sum(times[0::2])
    length = sum(run * each for run, each in zip(times[0::2], times[1::2], strict=True))
    sizes = _read_sizes(table, count)
    offsets = _read_offsets(table)
    if count and not offsets:
        raise InvalidMp4("samples without chunk offsets")
    ends_at = max(offsets, default=-1) + 1
    if sizes:
        ends_at = max(ends_at, _find_end(_read_table(table.require(b"stsc"), 3), sizes, offsets))
    return Samples(count, length / scale, ends_at)


def _read_table(box: Box, columns: int) -> tuple[int, ...]:
    """Return the 32-bit numbers of a table with `columns` columns, whose row count precedes it."""
    (count,) = box.unpack("I", 4)
    return _unpack_many(box, "I", count * columns, 8)


def _unpack_many(box: Box, letter: str, count: int, at: int) -> tuple[int, ...]:
    if count > _MAX_ENTRIES:
        raise InvalidMp4(f"{box.kind!r} is too long")
    return box.unpack(f"{count}{letter}", at)


def _read_sizes(table: Box, count: int) -> tuple[int, ...]:
    """Return the size of each sample; empty if all are equal, because the unit may then be an audio sample."""
    box = table.find_one(b"stsz")
    if box is None:
        if table.find_one(b"stz2") is None:
            raise InvalidMp4("samples without sizes")
        return ()  # the compact form, which is rarely used
    uniform, stated = box.unpack("II", 4)
    if stated != count:
        raise InvalidMp4("stts and stsz count differently")
    return () if uniform else _unpack_many(box, "I", stated, 12)


def _read_offsets(table: Box) -> tuple[int, ...]:
    """Return where each chunk of samples begins in the file."""
    short, long = table.find_one(b"stco"), table.find_one(b"co64")
    if short is not None:
        return _read_table(short, 1)
    if long is None:
        raise InvalidMp4("samples without chunk offsets")
    (count,) = long.unpack("I", 4)
    return _unpack_many(long, "Q", count, 8)


def _find_end(runs: tuple[int, ...], sizes: tuple[int, ...], offsets: tuple[int, ...]) -> int:
    """Return the largest end of a chunk; `runs` are (first chunk, samples per chunk, description)."""
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
