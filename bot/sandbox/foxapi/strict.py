"""A strict MP4 reader, like those of services behind FoxAPI: rejects what such readers reject or misread.

It is written independently of the bot's reader, so that the two do not share mistakes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bot.sandbox.foxapi.probe import LONGEST, SHORTEST, UnusableClip

Box = tuple[str, bytes]
_PARENTS = {"moov", "trak", "mdia", "minf", "stbl", "edts"}
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_TOLERANCE_SECONDS = 0.25
_MAX_BYTES = 256 * 1024 * 1024


def check_strictly(path: Path, url: str) -> None:
    """Raise :class:`UnusableClip` unless the file is a plain, complete MP4 with one video and at most one audio track.

    Its URL has to end in .mp4 too, as the model's vendor requires.
    """
    if not urlsplit(url).path.endswith(".mp4"):
        raise UnusableClip("the input video must have the .mp4 extension")
    content = path.read_bytes()[:_MAX_BYTES]
    try:
        found = list(_iterate_boxes(content, ""))
        _check_movie(found)
    except (struct.error, IndexError, ZeroDivisionError, StopIteration) as error:
        raise UnusableClip("video must be an MP4 file: its boxes are damaged") from error


def _iterate_boxes(content: bytes, where: str) -> Iterator[Box]:
    at, tracks = 0, 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", content, at + 8)[0], 16
        size = size or len(content) - at
        if size < head or at + size > len(content):
            raise UnusableClip("the video is damaged: it ends within a box")
        name = kind.decode("latin-1")
        here = f"{where}/{name}{tracks if name == 'trak' else ''}"
        tracks += name == "trak"
        body = content[at + head : at + size] if name != "mdat" else b""
        yield here, body
        if name in _PARENTS:
            yield from _iterate_boxes(body, here)
        at += size


def _check_movie(found: list[Box]) -> None:
    boxes = dict(found)
    if "/moov/mvex" in boxes or any(name == "/moof" for name, _ in found):
        raise UnusableClip("fragmented MP4 files are not supported")
    scale, length = struct.unpack_from(">II", boxes["/moov/mvhd"], 12)
    if not SHORTEST <= length / scale <= LONGEST:
        raise UnusableClip(
            f"video duration must be between 2 and 15 seconds, the movie header says {length / scale:.3f}"
        )
    tracks = [name for name, _ in found if name.startswith("/moov/trak") and name.count("/") == 2]
    kinds = [boxes[f"{track}/mdia/hdlr"][8:12] for track in tracks]
    if kinds.count(b"vide") != 1 or kinds.count(b"soun") > 1:
        raise UnusableClip("video must have one video track and at most one audio track")
    for track, kind in zip(tracks, kinds, strict=True):
        if kind in {b"vide", b"soun"}:
            _check_track(boxes, track, scale)
        if kind == b"vide":
            _check_pictures(boxes[f"{track}/mdia/minf/stbl/stsd"])


def _check_track(boxes: dict[str, bytes], track: str, scale: int) -> None:
    header, media = boxes[f"{track}/tkhd"], boxes[f"{track}/mdia/mdhd"]
    own, length = struct.unpack_from(">II", media, 12)
    (shown,) = struct.unpack_from(">I", header, 20)
    times = boxes[f"{track}/mdia/minf/stbl/stts"]
    runs = struct.iter_unpack(">II", times[8:])
    seconds = sum(count * each for count, each in runs) / own
    edits = boxes.get(f"{track}/edts/elst")
    if edits and struct.unpack_from(">i", edits, 12)[0] < 0:
        raise UnusableClip("a track begins with an empty edit")
    if abs(length / own - seconds) > _TOLERANCE_SECONDS or abs(shown / scale - seconds) > _TOLERANCE_SECONDS:
        raise UnusableClip("a track header has a wrong duration")
    if not header[3] & 1:
        raise UnusableClip("a track is disabled")
    if header[40:76] != _MATRIX:
        raise UnusableClip("rotated or mirrored videos are not supported")


def _check_pictures(table: bytes) -> None:
    (entries,) = struct.unpack_from(">I", table, 4)
    kind, rest = table[12:16], table[16 + 78 :]
    if entries != 1 or kind not in {b"avc1", b"hvc1", b"av01"}:
        raise UnusableClip(f"sample entry {kind.decode('latin-1')} is not supported")
    inside = {name.strip("/"): body for name, body in _iterate_boxes(rest, "")}
    if "sinf" in inside:
        raise UnusableClip("encrypted videos are not supported")
    if "pasp" in inside and inside["pasp"][:4] != inside["pasp"][4:8]:
        raise UnusableClip("pixel aspect ratio must be 1:1")
    if inside.get("avcC", b"..")[1] in {110, 122, 244}:
        raise UnusableClip("only 8-bit 4:2:0 video is supported")
    colour = inside.get("colr", b"")
    if colour[:4] == b"nclx" and struct.unpack_from(">H", colour, 6)[0] in {16, 18}:
        raise UnusableClip("HDR video is not supported")
