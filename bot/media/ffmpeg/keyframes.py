"""The order in which a video's frames are stored, and the points at which a copy of it can end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.media.ffmpeg.process import Ffmpeg, Purpose

_TIMEOUT = 30.0
_MAX_LISTING_BYTES = 1 << 24
_KEY = 0x1
"""ffmpeg's AV_PKT_FLAG_KEY. The listing omits the flags if this is the only one."""


@dataclass(frozen=True, slots=True)
class PacketOrder:
    """The frames in decode order, as they are stored."""

    display_indices: tuple[int, ...]
    """The position of each frame in display order."""
    keyframes: frozenset[int]
    """The keyframes, by their position in decode order."""

    @property
    def delay(self) -> int:
        """How many frames must be decoded before playback can start without stalling later."""
        return max((stored - shown for stored, shown in enumerate(self.display_indices)), default=0)

    def find_last_cut_before(self, most: int) -> int:
        """Return the largest number of frames, at most `most`, after which a copy can end: before a keyframe.

        All frames before that keyframe are shown before it, and all after it after it.
        """
        latest, cut = -1, 0
        earliest_after = [*self.display_indices, len(self.display_indices)]
        for at in reversed(range(len(self.display_indices))):
            earliest_after[at] = min(earliest_after[at], earliest_after[at + 1])
        for at, shown in enumerate(self.display_indices[: most + 1]):
            if at in self.keyframes and latest < shown == earliest_after[at]:
                cut = at
            latest = max(latest, shown)
        return cut


async def read_packet_order(ffmpeg: Ffmpeg, path: Path) -> PacketOrder:
    """Read the order of the frames in `path`. Raises UnusableVideo if it takes too long."""
    listing = ["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "pipe:1"]
    result = await ffmpeg.run(
        [*ffmpeg.build_input_args(path), *listing],
        seconds=_TIMEOUT,
        output_bytes=_MAX_LISTING_BYTES,
        purpose=Purpose.JOIN,
    )
    return await asyncio.to_thread(parse_packet_order, result.stdout)


def parse_packet_order(listing: bytes) -> PacketOrder:
    """Parse ffmpeg's listing of packets. Invalid lines are skipped."""
    times, keys = [], set()
    for line in listing.splitlines():
        fields = line.split(b",")
        if line.startswith(b"#") or len(fields) < 6:
            continue
        try:
            times.append(int(fields[2]))
            flags = [int(field.partition(b"=")[2], 16) for field in fields[6:] if field.strip().startswith(b"F=")]
        except ValueError:
            continue
        if all(flag & _KEY for flag in flags):
            keys.add(len(times) - 1)
    display_index = {at: place for place, at in enumerate(sorted(range(len(times)), key=times.__getitem__))}
    return PacketOrder(tuple(display_index[at] for at in range(len(times))), frozenset(keys))
