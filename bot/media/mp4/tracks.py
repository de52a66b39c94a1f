"""What the index of an MP4 or MOV file says of its tracks, read strictly and independently of ffmpeg."""

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
    """One line of an edit list: `seconds` of the movie show the media from `media_starts` on; below 0: nothing."""

    seconds: float
    media_starts: float
    normal_speed: bool


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """How the samples of a track are coded."""

    kind: bytes
    """avc1, hvc1, mp4a and so on."""
    boxes: tuple[Box, ...] = ()
    """Of a video track: avcC, pasp, colr and so on."""

    def box(self, kind: bytes) -> Box | None:
        """The first box of this kind."""
        return next((box for box in self.boxes if box.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Track:
    """One track. All lengths are in seconds."""

    kind: bytes
    """vide, soun, or another handler."""
    enabled: bool
    upright: bool
    header_seconds: float
    """As the track header says."""
    media_seconds: float
    """As the media header says."""
    edits: tuple[Edit, ...]
    entries: tuple[SampleEntry, ...]
    samples: Samples

    @property
    def encrypted(self) -> bool:
        """Whether any of its samples is."""
        return any(entry.kind in _ENCRYPTED or entry.box(b"sinf") for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Mp4:
    """An MP4 or MOV file."""

    brand: str
    seconds: float
    """As the movie header says."""
    fragmented: bool
    tracks: tuple[Track, ...]
    size: int

    @property
    def cut_off(self) -> bool:
        """Whether samples that the index names lie beyond the end of the file."""
        return any(track.samples.ends_at > self.size for track in self.tracks)

    def tracks_of_kind(self, kind: bytes) -> list[Track]:
        """The tracks of this handler."""
        return [track for track in self.tracks if track.kind == kind]


def read_mp4(path: Path) -> Mp4:
    """Read the index of `path`. Raises InvalidMp4 if it is no MP4 or MOV or its boxes do not add up; OSError."""
    file: File = read_file(path)
    header = file.index.require(b"mvhd")
    scale, length = _times(header, 12, 20)
    tracks = tuple(_track(box, scale) for box in file.index.boxes() if box.kind == b"trak")
    return Mp4(file.brand, length / scale, file.fragmented, tracks, file.size)


async def try_read_mp4(path: Path) -> Mp4 | None:
    """Like :func:`read_mp4`, but None if that is no MP4 or MOV, or not a sound one."""
    try:
        return await asyncio.to_thread(read_mp4, path)
    except InvalidMp4:
        return None


def _times(box: Box, short: int, long: int) -> tuple[int, int]:
    """Time scale and length in mvhd or mdhd, whose first version has 32-bit times and whose second has 64-bit ones."""
    (version,) = box.unpack("B")
    scale, length = box.unpack("II", short) if version == 0 else box.unpack("IQ", long)
    if scale == 0 or version > 1:
        raise InvalidMp4(f"{box.kind!r} has no time scale")
    unknown = 0xFFFFFFFF if version == 0 else 0xFFFFFFFFFFFFFFFF
    return scale, 0 if length == unknown else length


def _track(box: Box, movie_scale: int) -> Track:
    header, media = box.require(b"tkhd"), box.require(b"mdia")
    version, _, _, flags = header.unpack("4B")
    if version > 1:
        raise InvalidMp4("an unknown version of tkhd")
    (length,) = header.unpack("Q", 28) if version else header.unpack("I", 20)
    scale, media_length = _times(media.require(b"mdhd"), 12, 20)
    table = media.require(b"minf").require(b"stbl")
    kind = media.require(b"hdlr").body[8:12]
    return Track(
        kind=kind,
        enabled=bool(flags & 1),
        upright=header.unpack("9i", 52 if version else 40) == _UPRIGHT,
        header_seconds=length / movie_scale,
        media_seconds=media_length / scale,
        edits=_edits(box.find_one(b"edts"), movie_scale, scale),
        entries=_entries(table.require(b"stsd"), video=kind == b"vide"),
        samples=read_samples(table, scale),
    )


def _edits(box: Box | None, movie_scale: int, media_scale: int) -> tuple[Edit, ...]:
    table = box.find_one(b"elst") if box else None
    if table is None:
        return ()
    version, *_, count = table.unpack("4BI")
    layout, step = ("Qqhh", 20) if version else ("Iihh", 12)
    if count * step > len(table.body) - 8:
        raise InvalidMp4("elst is too short")
    lines = [table.unpack(layout, 8 + number * step) for number in range(count)]
    return tuple(Edit(line[0] / movie_scale, line[1] / media_scale, line[2:] == (1, 0)) for line in lines)


def _entries(box: Box, *, video: bool) -> tuple[SampleEntry, ...]:
    found = list(box.boxes(_VERSION_AND_COUNT))
    if not found:
        raise InvalidMp4("stsd is empty")
    if not video:  # what follows the fields of sound differs between MP4 and QuickTime, and is of no interest here
        return tuple(SampleEntry(entry.kind) for entry in found)
    return tuple(SampleEntry(entry.kind, tuple(entry.boxes(_VIDEO_FIELDS))) for entry in found)
