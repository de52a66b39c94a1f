"""Parse ffmpeg's listing of packets (`-f framecrc`): the time span that each stream really covers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

_Packet = tuple[int, int, int]
_BASE = re.compile(rb"#tb (\d{1,4}): (\d{1,10})/(\d{1,10})")
"""The line with a stream's time base."""
_UNKNOWN = -(1 << 63)
"""ffmpeg's AV_NOPTS_VALUE."""
_DISCARD = 0x4
"""ffmpeg's AV_PKT_FLAG_DISCARD: needed for decoding only, and cut away by the file's edit list."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The packets of one stream, from the first one shown to the end of the last one, in seconds."""

    timestamps: tuple[float, ...]
    """When each packet is presented, in order."""
    end: float
    has_timestamps: bool
    """Whether the file states presentation times. AVI does not; then these are decoding times."""

    @property
    def start(self) -> float:
        """When the first packet begins."""
        return self.timestamps[0]

    @property
    def seconds(self) -> float:
        """The duration."""
        return self.end - self.start

    @property
    def constant_rate(self) -> float | None:
        """Frames per second of a stream without timestamps whose frames are evenly spaced; else None."""
        intervals = [later - earlier for earlier, later in pairwise(self.timestamps)]
        if self.has_timestamps or not intervals or self.seconds <= 0 or max(intervals) > 1.5 * min(intervals):
            return None
        return len(self.timestamps) / self.seconds


def parse_timelines(listing: bytes) -> dict[int, Timeline]:
    """Return the timeline of each stream in `listing`. Invalid lines are skipped."""
    bases: dict[int, Fraction] = {}
    packets: dict[int, list[_Packet]] = {}
    for line in listing.splitlines():
        if found := _BASE.fullmatch(line):
            index, over, under = map(int, found.groups())
            if over and under:
                bases[index] = Fraction(over, under)
        elif line and not line.startswith(b"#"):
            _add_packet(line.split(b","), packets)
    return {index: _build_timeline(packets[index], base) for index, base in bases.items() if packets.get(index)}


def _add_packet(fields: list[bytes], packets: dict[int, list[_Packet]]) -> None:
    """Add one packet: `stream, dts, pts, duration, size, checksum[, F=flags][, more]`."""
    if len(fields) < 6:
        return
    try:
        index, decoded, shown, lasts = (int(field) for field in fields[:4])
        discarded = any(_parse_flags(field) & _DISCARD for field in fields[6:])
    except ValueError:
        return
    timed = any(when != _UNKNOWN for when in (decoded, shown))
    if timed and not discarded and all(abs(number) <= -_UNKNOWN for number in (decoded, shown, lasts)):
        packets.setdefault(index, []).append((decoded, shown, max(lasts, 0)))


def _parse_flags(field: bytes) -> int:
    name, _, value = field.strip().partition(b"=")
    return int(value, 16) if name == b"F" else 0


def _build_timeline(packets: list[_Packet], base: Fraction) -> Timeline:
    shown = [packet for packet in packets if packet[1] != _UNKNOWN]
    if 0.45 < len(shown) / len(packets) < 0.55:
        packets = shown  # if each field is a packet, the second one has no timestamp of its own
    timed = len(shown) == len(packets)
    when = 1 if timed else 0
    timestamps = tuple(sorted(float(packet[when] * base) for packet in packets))
    return Timeline(timestamps, float(max(packet[when] + packet[2] for packet in packets) * base), timed)
