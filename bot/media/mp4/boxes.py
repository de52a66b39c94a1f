"""Parse the boxes of an MP4 or MOV file (ISO/IEC 14496-12) strictly: contradictions raise :class:`InvalidMp4`.

Only the index (`moov`) is read into memory, and its size is bounded; media data is skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.media.errors import InvalidMp4

MAX_INDEX_BYTES = 32 << 20
_MAX_TOP_LEVEL_BOXES = 20_000
_MAX_BOXES = 2_000


@dataclass(frozen=True, slots=True)
class Box:
    """One box of the index: its four-character code, and its content without the header."""

    kind: bytes
    body: bytes

    def read_boxes(self, skip: int = 0) -> Iterator[Box]:
        """Yield the child boxes, after `skip` bytes of the box's own fields."""
        yield from _iterate_boxes(self.body, skip)

    def find_one(self, kind: bytes) -> Box | None:
        """Return the only child box of this kind, or None. Raises InvalidMp4 if there are several."""
        found = [box for box in self.read_boxes() if box.kind == kind]
        if len(found) > 1:
            raise InvalidMp4(f"several {kind!r} in one {self.kind!r}")
        return found[0] if found else None

    def require(self, kind: bytes) -> Box:
        """Like :meth:`find_one`, but raise InvalidMp4 if there is none."""
        box = self.find_one(kind)
        if box is None:
            raise InvalidMp4(f"no {kind!r} in {self.kind!r}")
        return box

    def unpack(self, layout: str, at: int = 0) -> tuple[int, ...]:
        """Unpack big-endian numbers at byte `at` of the content. Raises InvalidMp4 if it is too short."""
        try:
            return struct.unpack_from(f">{layout}", self.body, at)
        except struct.error as error:
            raise InvalidMp4(f"{self.kind!r} is too short") from error


@dataclass(frozen=True, slots=True)
class File:
    """The top level of a file."""

    brand: str
    index: Box
    """`moov`."""
    fragmented: bool
    size: int


def read_file(path: Path) -> File:
    """Walk the top-level boxes of `path` and read its index. Raises InvalidMp4 or OSError."""
    size, brand, index, fragmented = path.stat().st_size, "", None, False
    with path.open("rb") as file:
        at = 0
        for _ in range(_MAX_TOP_LEVEL_BOXES):
            if at >= size:
                break
            file.seek(at)
            kind, head, length = _parse_box_header(file.read(16), size - at)
            if kind == b"ftyp":
                file.seek(at + head)
                brand = file.read(4).decode("latin-1")
            elif kind == b"moov":
                if index is not None or length > MAX_INDEX_BYTES:
                    raise InvalidMp4("several indexes, or a huge one")
                file.seek(at + head)
                index = Box(kind, file.read(length - head))
            fragmented = fragmented or kind == b"moof"
            at += length
        else:
            raise InvalidMp4("too many boxes")
    if index is None:
        raise InvalidMp4("no index")
    return File(brand, index, fragmented or index.find_one(b"mvex") is not None, size)


def _iterate_boxes(content: bytes, at: int) -> Iterator[Box]:
    for _ in range(_MAX_BOXES):
        if at >= len(content):
            return
        if content[at:] == b"\0\0\0\0":  # QuickTime terminates some lists with four zero bytes
            return
        kind, head, length = _parse_box_header(content[at : at + 16], len(content) - at)
        yield Box(kind, content[at + head : at + length])
        at += length
    raise InvalidMp4("too many boxes")


def _parse_box_header(header: bytes, room: int) -> tuple[bytes, int, int]:
    """Return kind, header length and total length of the box that begins with `header`."""
    if len(header) < 8:
        raise InvalidMp4("a box header is cut off")
    length, kind = struct.unpack(">I4s", header[:8])
    head = 8
    if length == 1:
        if len(header) < 16:
            raise InvalidMp4("a box header is cut off")
        (length,), head = struct.unpack(">Q", header[8:16]), 16
    elif length == 0:
        length = room  # to the end of the file
    if not head <= length <= room:
        raise InvalidMp4(f"{kind!r} is longer than its parent")
    return kind, head, length
