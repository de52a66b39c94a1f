"""Where to begin decoding so that nothing is lost that the decoder needs."""

from __future__ import annotations

from bisect import bisect_right

from bot.media.ffmpeg.probe import ProbeResult

_BACK = 1.0
"""Seconds before the cut at which decoding starts, so that no rounding of the seek can lose a frame."""
_SELF_CONTAINED = frozenset({"h264", "hevc", "av1", "vp8", "vp9"})
"""Codecs whose keyframes bring all that is needed to decode what follows."""


def find_seek_point(probed: ProbeResult, moment: float) -> float:
    """Where to begin decoding so that the frame which stands at `moment` is among what is decoded."""
    video = probed.video
    if not video.has_timestamps:
        return 0.0  # its frames have to be counted, and a made-up time after a seek is not that of the head
    if probed.clip.container == "gif":
        return 0.0  # its delays have to be added up from the beginning
    if probed.clip.container == "mpegts":
        return 0.0  # it has no index, and a seek leads to wherever, be it after the cut
    if probed.header.codec not in _SELF_CONTAINED or not probed.header.pixel_format.startswith(
        ("yuv420", "yuvj420", "p010")
    ):
        return 0.0  # how it was encoded is said in its very first packet alone, as old x264 does for 4:4:4
    standing = video.timestamps[max(0, bisect_right(video.timestamps, moment) - 1)]
    return max(0.0, standing - _BACK)
