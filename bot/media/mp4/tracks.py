"""Parse the tracks in the index of an MP4 or MOV file, strictly and independently of ffmpeg."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.media.errors import InvalidMp4
from bot.media.mp4.boxes import Box, File, read_file
from bot.media.mp4.samples import Samples, read_samples

_UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_VIDEO_FIELDS, _VERSION_AND_COUNT = 78, 8
_ENCRYPTED = {b"encv", b"enca", b"drmi", b"drms"}


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of an edit list: `seconds` of the movie play the media from `media_starts`; negative: an empty edit."""

    seconds: float
    media_starts: float
    normal_speed: bool


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """How the samples of a track are coded."""

    kind: bytes
    """avc1, hvc1, mp4a and so on."""
    boxes: tuple[Box, ...] = ()
    """The boxes of a video entry: avcC, pasp, colr and so on."""

    def find_box(self, kind: bytes) -> Box | None:
        """Return the first box of this kind, or None."""
        return next((box for box in self.boxes if box.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Track:
    """One track. All lengths are in seconds."""

    kind: bytes
    """The handler: vide, soun or another one."""
    enabled: bool
    upright: bool
    header_seconds: float
    """The length in the track header."""
    media_seconds: float
    """The length in the media header."""
    edits: tuple[Edit, ...]
    entries: tuple[SampleEntry, ...]
    samples: Samples

    @property
    def encrypted(self) -> bool:
        """Whether any of its samples are encrypted."""
        return any(entry.kind in _ENCRYPTED or entry.find_box(b"sinf") for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Mp4:
    """An MP4 or MOV file."""

    brand: str
    seconds: float
    """The length in the movie header."""
    fragmented: bool
    tracks: tuple[Track, ...]
    size: int

    @property
    def cut_off(self) -> bool:
        """Whether the index refers to samples beyond the end of the file."""
        return any(track.samples.ends_at > self.size for track in self.tracks)

    @property
    def shown_video(self) -> int:
        """The number of the video track that players show: of several, the first one that is enabled."""
        return next((number for number, track in enumerate(self.find_tracks(b"vide")) if track.enabled), 0)

    def find_tracks(self, kind: bytes) -> list[Track]:
        """Return the tracks of this handler."""
        return [track for track in self.tracks if track.kind == kind]


def read_mp4(path: Path) -> Mp4:
    """Parse the index of `path`. Raises InvalidMp4 if it is not a valid MP4 or MOV, and OSError."""
    file: File = read_file(path)
    header = file.index.require(b"mvhd")
    scale, length = _read_times(header, 12, 20)
    tracks = tuple(_read_track(box, scale) for box in file.index.read_boxes() if box.kind == b"trak")
    return Mp4(file.brand, length / scale, file.fragmented, tracks, file.size)


async def try_read_mp4(path: Path) -> Mp4 | None:
    """Like :func:`read_mp4`, but return None if it is not a valid MP4 or MOV."""
    try:
        return await asyncio.to_thread(read_mp4, path)
    except InvalidMp4:
        return None


def _read_times(box: Box, short: int, long: int) -> tuple[int, int]:
    """Return time scale and length of mvhd or mdhd; version 0 has 32-bit fields, version 1 64-bit ones."""
    (version,) = box.unpack("B")
    scale, length = box.unpack("II", short) if version == 0 else box.unpack("IQ", long)
    if scale == 0 or version > 1:
        raise InvalidMp4(f"{box.kind!r} has no time scale")
    unknown = 0xFFFFFFFF if version == 0 else 0xFFFFFFFFFFFFFFFF
    return scale, 0 if length == unknown else length


def _read_track(box: Box, movie_scale: int) -> Track:
    header, media = box.require(b"tkhd"), box.require(b"mdia")
    version, _, _, flags = header.unpack("4B")
    if version > 1:
        raise InvalidMp4("an unknown version of tkhd")
    (length,) = header.unpack("Q", 28) if version else header.unpack("I", 20)
    scale, media_length = _read_times(media.require(b"mdhd"), 12, 20)
    table = media.require(b"minf").require(b"stbl")
    kind = media.require(b"hdlr").body[8:12]
    return Track(
        kind=kind,
        enabled=bool(flags & 1),
        upright=header.unpack("9i", 52 if version else 40) == _UPRIGHT,
        header_seconds=length / movie_scale,
        media_seconds=media_length / scale,
        edits=_read_edits(box.find_one(b"edts"), movie_scale, scale),
        entries=_read_entries(table.require(b"stsd"), video=kind == b"vide"),
        samples=read_samples(table, scale),
    )


def _read_edits(box: Box | None, movie_scale: int, media_scale: int) -> tuple[Edit, ...]:
    table = box.find_one(b"elst") if box else None
    if table is None:
        return ()
    version, *_, count = table.unpack("4BI")
    layout, step = ("Qqhh", 20) if version else ("Iihh", 12)
    if count * step > len(table.body) - 8:
        raise InvalidMp4("elst is too short")
    rows = [table.unpack(layout, 8 + number * step) for number in range(count)]
    return tuple(Edit(row[0] / movie_scale, row[1] / media_scale, row[2:] == (1, 0)) for row in rows)


def _read_entries(box: Box, *, video: bool) -> tuple[SampleEntry, ...]:
    found = list(box.read_boxes(_VERSION_AND_COUNT))
    if not found:
        raise InvalidMp4("stsd is empty")
    if not video:  # audio entries differ between MP4 and QuickTime after their fields, and are not needed
        return tuple(SampleEntry(entry.kind) for entry in found)
    return tuple(SampleEntry(entry.kind, tuple(entry.read_boxes(_VIDEO_FIELDS))) for entry in found)
