"""Reads the width and height of images and MP4s, which Discord includes in attachments."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

_LARGEST_HEAD = 8 << 20


def read_dimensions(path: Path, content_type: str) -> tuple[int | None, int | None]:
    """(width, height) in pixels, or (None, None) if unknown. Blocks: call it in a thread."""
    if content_type.startswith("image/"):
        try:
            with Image.open(path) as picture:
                return picture.size
        except (UnidentifiedImageError, OSError, ValueError):
            return None, None
    if content_type in ("video/mp4", "video/quicktime"):
        return _read_mp4_size(path)
    return None, None


def _read_mp4_size(path: Path) -> tuple[int | None, int | None]:
    """The largest track of the `moov` box (ISO/IEC 14496-12): the last two 16.16 numbers of its `tkhd`."""
    sizes: list[tuple[int, int]] = []
    for kind, body in _iterate_boxes(_read_moov(path)):
        if kind == b"trak":
            for inner, head in _iterate_boxes(body):
                if inner == b"tkhd" and len(head) >= 8:
                    width, height = struct.unpack(">II", head[-8:])
                    sizes.append((width >> 16, height >> 16))
    width, height = max(sizes, default=(0, 0))
    return (width, height) if width and height else (None, None)


def _read_moov(path: Path) -> bytes:
    with path.open("rb") as file:
        end = path.stat().st_size
        at = 0
        while at + 8 <= end:
            file.seek(at)
            size, kind = struct.unpack(">I4s", file.read(8))
            head = 8
            if size == 1 and at + 16 <= end:
                size, head = struct.unpack(">Q", file.read(8))[0], 16
            size = end - at if size == 0 else size
            if size < head:
                return b""
            if kind == b"moov":
                return file.read(min(size - head, _LARGEST_HEAD))
            at += size
    return b""


def _iterate_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size
