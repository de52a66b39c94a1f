"""Makes field-coded H.264 (PAFF), which camcorders write and x264 does not.

x264 encodes each field as a picture of half the height; then its headers are rewritten (ITU-T H.264, 7.3.2.1.1 and
7.3.3), so that two pictures become the two fields of one frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.media_clips import ffmpeg

_X264 = "cabac=0:keyint=1:slices=1:threads=1:8x8dct=0:bframes=0:no-deblock=1:crf=20"
_SPS, _IDR, _SLICE = 7, 5, 1
_REFERENCE = 0x60
_LEVELS_BITS = 24
"""The profile, the constraint flags and the level at the beginning of the SPS."""
_MAIN_PROFILE = "01001101" + "00000000"


def make_field_coded(path: Path, seconds: int, *, height: int = 192) -> None:
    """Write `seconds` of 25 interlaced frames per second, 320 pixels wide, with sound; the suffix is the container."""
    source = f"testsrc2=s=320x{height // 2}:r=50:d={seconds}"
    args = ("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-x264-params", _X264)
    pictures = ffmpeg(*args, "-f", "h264", "-")
    fields = path.with_suffix(".264")
    fields.write_bytes(b"".join(b"\0\0\0\1" + unit for unit in _rewrite(pictures)))
    tone = ("-f", "lavfi", "-i", f"sine=d={seconds}", "-c:v", "copy", "-c:a", "aac")
    stream = path.with_suffix(".m2ts")
    ffmpeg("-r", "50", "-i", fields, *tone, "-f", "mpegts", stream)
    ffmpeg("-i", stream, "-c", "copy", path)
    fields.unlink()
    stream.unlink()


@dataclass
class _Bits:
    """Reads the bits of a NAL unit's payload."""

    text: str
    at: int = 0

    def read(self, count: int) -> str:
        self.at += count
        return self.text[self.at - count : self.at]

    def read_exp_golomb(self) -> int:
        zeros = self.text.index("1", self.at) - self.at
        self.at += zeros
        return int(self.read(zeros + 1), 2) - 1


def _rewrite(pictures: bytes) -> Iterator[bytes]:
    frame_num_bits = field = 0
    for unit in (each.rstrip(b"\0") for each in pictures.split(b"\0\0\1")[1:]):
        kind, bits = unit[0] & 31, _Bits(_to_bits(unit[1:]))
        if kind == _SPS:
            frame_num_bits, text = _rewrite_sps(bits)
            yield unit[:1] + _to_bytes(text)
        elif kind == _IDR:
            yield bytes([_REFERENCE | (_SLICE if field % 2 else _IDR)]) + _to_bytes(
                _rewrite_slice(bits, frame_num_bits, field)
            )
            field += 1
        elif kind != 6:  # not x264's SEI
            yield unit


def _rewrite_sps(bits: _Bits) -> tuple[int, str]:
    """Return the bits of frame_num, and an SPS with frame_mbs_only_flag 0."""
    bits.read(_LEVELS_BITS)
    bits.read_exp_golomb()
    frame_num_bits = bits.read_exp_golomb() + 4
    assert bits.read_exp_golomb() == 2, "pic_order_cnt_type"
    bits.read_exp_golomb()
    bits.read(1)
    bits.read_exp_golomb()
    bits.read_exp_golomb()
    head = _MAIN_PROFILE + bits.text[len(_MAIN_PROFILE) : bits.at]
    assert bits.read(1) == "1", "frame_mbs_only_flag"
    bits.read(1)
    return frame_num_bits, head + "0" + "0" + "1" + bits.text[bits.at :]


def _rewrite_slice(bits: _Bits, frame_num_bits: int, field: int) -> str:
    """Return an IDR slice as the top field of an IDR picture or, for every other one, as its bottom field."""
    for _ in range(3):
        bits.read_exp_golomb()
    bits.read(frame_num_bits)
    head = bits.text[: bits.at]
    bits.read_exp_golomb()
    bits.read(2)
    rest, bottom = bits.text[bits.at :], field % 2
    if bottom:
        return head + "1" + "1" + "0" + rest
    idr_pic_id = "1" if field % 4 == 0 else "010"  # 0 and 1, in turn
    return head + "1" + "0" + idr_pic_id + "00" + rest


def _to_bits(payload: bytes) -> str:
    """Remove the emulation prevention and the trailing bits."""
    plain = payload.replace(b"\0\0\3", b"\0\0")
    return "".join(f"{byte:08b}" for byte in plain).rstrip("0")[:-1]


def _to_bytes(text: str) -> bytes:
    text += "1"
    text += "0" * (-len(text) % 8)
    plain, made = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)), bytearray()
    for byte in plain:
        if byte <= 3 and made[-2:] == b"\0\0":
            made.append(3)
        made.append(byte)
    return bytes(made)
