"""Nonconforming clips: each looks acceptable but has one property that strict readers refuse."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.media_clips import ffmpeg

_READ = "-f lavfi -i testsrc2=s=160x120:r=30 -f lavfi -i sine=f=440:r=48000"
_X264 = "-c:v libx264 -preset ultrafast -g 30 -bf 2 -pix_fmt yuv420p -threads 1"
_PQ = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc,format=yuv420p10le"
_X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1"
_KEY = "00112233445566778899aabbccddeeff"
PLAIN = f"{_READ} {_X264} -c:a aac -t 4"


@dataclass(frozen=True)
class Odd:
    """How a clip is made: by these arguments, or from a plain clip (`{plain}`), and then modified."""

    args: str
    spoil: Callable[[bytes], bytes] | None = None
    remuxed: bool = False
    """Whether its frames reach FoxAPI unchanged."""
    refused: str = ""
    """Words of the sentence with which it is refused."""
    seconds: float = 4.0
    size: tuple[int, int] = (160, 120)
    sound: bool = True


def make_odd(folder: Path, name: str) -> Path:
    """Make the clip of that name in `folder`."""
    odd, path, plain = ODD[name], folder / name, folder / "plain.mp4"
    if not plain.exists():
        ffmpeg(*PLAIN.split(), plain)
    ffmpeg(*odd.args.format(plain=plain).split(), path)
    if odd.spoil:
        path.write_bytes(odd.spoil(path.read_bytes()))
    return path


def shorten_media_header(content: bytes) -> bytes:
    """Divide each track's media duration by 30, as a browser's recorder writes it."""
    changed, at = bytearray(content), content.find(b"mdhd")
    while at >= 0:
        (length,) = struct.unpack_from(">I", content, at + 20)
        struct.pack_into(">I", changed, at + 20, length // 30)
        at = content.find(b"mdhd", at + 1)
    return bytes(changed)


def damage(content: bytes) -> bytes:
    """Overwrite every 700th byte of the second half; the index stays intact."""
    changed, dice = bytearray(content), random.Random(3)  # noqa: S311 - for damage
    start, end = content.find(b"mdat") + 4, len(content)
    for at in range((start + end) // 2, min(end, start + (content.find(b"moov") - start) % end), 700):
        changed[at] = dice.randrange(256)
    return bytes(changed)


def disable_first_track(content: bytes) -> bytes:
    """Disable the file's first track."""
    changed, at = bytearray(content), content.find(b"tkhd")
    changed[at + 7] &= 0xFE
    return bytes(changed)


def rename_audio_codec(content: bytes) -> bytes:
    """Rename the audio codec to one that our decoders do not support."""
    return content.replace(b"mp4a", b"apac").replace(b"esds", b"free")


_MORE_SOUND = "-f lavfi -i sine=f=880:d=9"
ODD = {
    "over.mp4": Odd(f"{_READ} {_X264} -c:a aac -t 15.033", seconds=15.0),
    "under.mov": Odd(f"{_READ} {_X264} -c:a aac -t 1.967", seconds=2.0),
    "short.mp4": Odd(f"{_READ} {_X264} -c:a aac -t 1.8", refused="1.8 s long"),
    "long_sound.mp4": Odd(f"-i {{plain}} {_MORE_SOUND} -map 0:v -map 1:a -c:v copy -c:a aac", remuxed=True),
    "second_sound.mp4": Odd(f"-i {{plain}} {_MORE_SOUND} -map 0 -map 1:a -c:v copy -c:a aac", remuxed=True),
    "recorder.mp4": Odd("-i {plain} -c copy", shorten_media_header, remuxed=True),
    "fragments.mp4": Odd("-i {plain} -c copy -movflags frag_keyframe+empty_moov", remuxed=True),
    "other.mov": Odd("-i {plain} -c copy", remuxed=True),
    "other.mkv": Odd("-i {plain} -c copy", remuxed=True),
    "hev1.mp4": Odd(f"{_READ} {_X265} -tag:v hev1 -c:a aac -t 4", remuxed=True),
    "avc3.mp4": Odd("-i {plain} -c copy -tag:v avc3", remuxed=True),
    "opus.mp4": Odd("-i {plain} -c:v copy -c:a libopus", remuxed=True),
    "disabled.mp4": Odd("-i {plain} -c copy", disable_first_track, remuxed=True),
    "no_decoder.mov": Odd("-i {plain} -c copy", rename_audio_codec, remuxed=True, sound=False),
    "two_videos.mp4": Odd("-i {plain} -f lavfi -i color=s=64x64:r=30:d=4 -map 0 -map 1 -c:a copy", remuxed=True),
    "turned.mp4": Odd("-display_rotation 90 -i {plain} -c copy", size=(120, 160)),
    "mirrored.mp4": Odd("-display_hflip -i {plain} -c copy"),
    "444.mp4": Odd(f"{_READ} -c:v libx264 -preset ultrafast -pix_fmt yuv444p -c:a aac -t 4"),
    "422.mp4": Odd(f"{_READ} -c:v libx264 -preset ultrafast -pix_fmt yuv422p -c:a aac -t 4"),
    "pq.mp4": Odd(f"{_READ} -vf {_PQ} {_X265} -c:a aac -t 4"),
    "wide.mp4": Odd(f"{_READ} -vf setsar=2/1 {_X264} -c:a aac -t 4", size=(320, 120)),
    "two_shapes.mov": Odd("-i {plain} -c copy -bsf:v h264_metadata=sample_aspect_ratio=2/1 -aspect 4/3", remuxed=True),
    "woven.mp4": Odd(f"{_READ} -vf tinterlace=interleave_top {_X264} -flags +ilme+ildct -c:a aac -t 4"),
    "late_pictures.mp4": Odd("-itsoffset 1 -i {plain} -i {plain} -map 0:v -map 1:a -c copy", seconds=5.0),
    "encrypted.mp4": Odd(
        f"-i {{plain}} -c copy -encryption_scheme cenc-aes-ctr -encryption_key {_KEY} -encryption_kid {_KEY}",
        refused="encrypted",
    ),
    "damaged.mp4": Odd("-i {plain} -c copy", damage, refused="damaged"),
}
