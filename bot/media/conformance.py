"""Check that a clip conforms to FoxAPI's requirements so plainly that no reader, however strict, can refuse it.

FoxAPI refuses or misreads a clip only after payment, so every problem counts. Two independent readers must agree: our
own parser of the MP4 boxes, and ffmpeg.
"""

from __future__ import annotations

from pathlib import Path

from bot.media.errors import InvalidMp4
from bot.media.ffmpeg.decoding import decode
from bot.media.ffmpeg.filters import HDR
from bot.media.ffmpeg.probe import ProbeResult
from bot.media.ffmpeg.process import Ffmpeg
from bot.media.mp4.tracks import SampleEntry, Track
from bot.media.requirements import CODECS, MAX_SECONDS, MIN_SECONDS

_ENTRIES = frozenset({b"avc1", b"hvc1", b"av01"})
_PIXELS = frozenset({"yuv420p", "yuvj420p"})
_LENGTH_TOLERANCE = 0.1
"""Seconds by which two stated lengths may differ, because their time scales do."""
_MAX_SKIPPED = 0.25
"""Seconds that an edit list may skip at the beginning: the encoder's priming delay."""
_DOLBY_VISION = (b"dvcC", b"dvvC", b"dvwC")


async def find_problems(ffmpeg: Ffmpeg, path: Path, probed: ProbeResult) -> list[str]:
    """Return everything that FoxAPI might refuse or misread in `path`, for the log.

    An empty list means that the file can be submitted as it is.
    """
    found = find_video_problems(probed) + find_container_problems(probed)
    if found:
        return found
    decoding = probed.decoding or await decode(ffmpeg, path, sound=probed.header.sound)
    if decoding.damaged:
        return ["it cannot be decoded without errors"]
    return [] if decoding.square_pixels else ["its bitstream says that its pixels are not square"]


def find_video_problems(probed: ProbeResult) -> list[str]:
    """Return the problems that only re-encoding can fix."""
    mp4 = probed.mp4
    entries = [entry for track in mp4.find_tracks(b"vide") for entry in track.entries] if mp4 else []
    checks = {
        f"codec {probed.header.codec}": probed.header.codec not in CODECS,
        "frames without timestamps": not probed.video.has_timestamps,
        f"pixel format {probed.header.pixel_format}": probed.header.pixel_format not in _PIXELS,
        "high dynamic range": probed.header.transfer in HDR or probed.header.matrix.startswith("bt2020"),
        "rotated": probed.header.rotation != 0,
        "pixels are not square": probed.header.pixel_aspect != 1,
        "video begins late": probed.start != probed.video.start,
        "interlaced": probed.header.interlaced,
        "length": not MIN_SECONDS <= probed.video.seconds <= MAX_SECONDS,
        "display matrix": mp4 is not None and not all(track.upright for track in mp4.find_tracks(b"vide")),
        "Dolby Vision": any(entry.find_box(kind) for entry in entries for kind in _DOLBY_VISION),
    }
    return [fault for fault, found in checks.items() if found]


def find_container_problems(probed: ProbeResult) -> list[str]:
    """Return the problems that remuxing may fix, without re-encoding the frames."""
    mp4 = probed.mp4
    if mp4 is None or probed.clip.container != "mp4":
        return ["not an MP4 with valid boxes"]
    if mp4.fragmented:
        return ["fragmented"]
    videos, sounds = mp4.find_tracks(b"vide"), mp4.find_tracks(b"soun")
    faults = [] if len(mp4.tracks) == len(videos) + len(sounds) else ["tracks that are neither video nor audio"]
    if len(videos) != 1 or len(sounds) > 1:
        return [*faults, f"{len(videos)} video tracks and {len(sounds)} audio tracks"]
    lengths = [mp4.seconds, videos[0].header_seconds, videos[0].media_seconds, videos[0].samples.seconds]
    if not all(MIN_SECONDS <= seconds <= MAX_SECONDS for seconds in lengths):
        faults.append("a length out of bounds")
    if any(abs(seconds - probed.video.seconds) > _LENGTH_TOLERANCE for seconds in lengths):
        faults.append("lengths that disagree")
    for track in (*videos, *sounds):
        faults += _find_track_problems(track)
    faults += _find_entry_problems(videos[0].entries[0])
    faults += [f"audio coded as {entry.kind!r}" for track in sounds for entry in track.entries if entry.kind != b"mp4a"]
    return faults


def _find_track_problems(track: Track) -> list[str]:
    kind = track.kind.decode("latin-1")
    starts = [edit.media_starts for edit in track.edits]
    checks = {
        "is disabled": not track.enabled,
        "is encrypted": track.encrypted,
        "has several sample entries": len(track.entries) != 1,
        "has an edit list of several parts": len(starts) > 1,
        "begins late": any(start < 0 for start in starts),
        "is cut by its edit list": any(start > _MAX_SKIPPED for start in starts)
        or any(abs(edit.seconds - track.samples.seconds) > _MAX_SKIPPED for edit in track.edits),
        "is not played at its own speed": not all(edit.normal_speed for edit in track.edits),
        "has a wrong length in its header": abs(track.media_seconds - track.samples.seconds) > _LENGTH_TOLERANCE
        or abs(track.header_seconds - track.samples.seconds) > _MAX_SKIPPED,
    }
    return [f"{kind} {fault}" for fault, found in checks.items() if found]


def _find_entry_problems(entry: SampleEntry) -> list[str]:
    """Check the decoder configuration in the video's sample entry."""
    if entry.kind not in _ENTRIES:
        return [f"video coded as {entry.kind!r}"]
    try:
        plain = _is_8bit_420(entry) and _is_square(entry) and _is_sdr(entry)
    except (InvalidMp4, IndexError):
        plain = False
    return [] if plain else ["a sample entry that is not 8-bit 4:2:0, square and SDR"]


def _is_8bit_420(entry: SampleEntry) -> bool:
    """Whether the frames are 8-bit 4:2:0."""
    if avc := entry.find_box(b"avcC"):
        return avc.body[1] in {66, 77, 88, 100}
    if hevc := entry.find_box(b"hvcC"):
        return (hevc.body[16] & 3, hevc.body[17] & 7, hevc.body[18] & 7) == (1, 0, 0)
    if av1 := entry.find_box(b"av1C"):
        # seq_profile must be 0; of high_bitdepth, twelve_bit, monochrome, subsampling_x and _y, the last two.
        return av1.body[1] >> 5 == 0 and (av1.body[2] >> 2) & 0b11111 == 0b00011
    return False


def _is_square(entry: SampleEntry) -> bool:
    aspect = entry.find_box(b"pasp")
    if aspect is None:
        return True
    width, height = aspect.unpack("II")
    return width == height


def _is_sdr(entry: SampleEntry) -> bool:
    color = entry.find_box(b"colr")
    if color is None or color.body[:4] not in {b"nclx", b"nclc"}:
        return True
    primaries, transfer = color.unpack("HH", 4)
    return primaries != 9 and transfer not in {16, 18}
