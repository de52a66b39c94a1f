"""Identify file types by their first bytes, where ffmpeg has one demuxer for several types."""

from __future__ import annotations

_EBML_DOC_TYPE = b"\x42\x82"
"""The id of the DocType element, which is "webm" or "matroska" (RFC 8794, 11.2.7)."""
_MAX_EBML_HEADER = 128


def read_major_brand(beginning: bytes) -> bytes | None:
    """Return the major brand of an MP4 or MOV file (ISO/IEC 14496-12, 4.3); small boxes may precede it."""
    at = 0
    while at + 12 <= len(beginning):
        size, kind = int.from_bytes(beginning[at : at + 4], "big"), beginning[at + 4 : at + 8]
        if kind == b"ftyp":
            return beginning[at + 8 : at + 12]
        if kind not in {b"free", b"skip", b"wide"} or size < 8:
            return None
        at += size
    return None


def is_webm(beginning: bytes) -> bool:
    """Whether the header of a Matroska file says that it is a WebM."""
    return _EBML_DOC_TYPE + b"\x84webm" in beginning[:_MAX_EBML_HEADER]
