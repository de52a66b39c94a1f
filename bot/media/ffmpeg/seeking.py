"""Read a part of a video at the times of its listing, beginning where the decoder gets everything that it needs."""

from __future__ import annotations

from bisect import bisect_right

from bot.media.ffmpeg.probe import ProbeResult

_SEEK_MARGIN = 1.0
"""Seconds before the cut at which decoding starts, so that rounding in the seek cannot lose a frame."""
_SELF_CONTAINED = frozenset({"h264", "hevc", "av1", "vp8", "vp9"})
"""Codecs whose keyframes contain everything that is needed to decode the following frames."""


def find_seek_point(probed: ProbeResult, moment: float) -> float:
    """Return where decoding must begin for the frame that is visible at `moment` to be decoded."""
    video = probed.video
    if not video.has_timestamps:
        return 0.0  # its frames have to be counted, and timestamps after a seek would be guesses
    if probed.clip.container == "gif":
        return 0.0  # its delays have to be added up from the beginning
    if probed.clip.container == "mpegts":
        return 0.0  # it has no index, so a seek may land after the cut
    if probed.header.codec not in _SELF_CONTAINED or not probed.header.pixel_format.startswith(
        ("yuv420", "yuvj420", "p010")
    ):
        return 0.0  # only the first packet says how it was encoded, as in 4:4:4 by old x264
    visible_since = video.timestamps[max(0, bisect_right(video.timestamps, moment) - 1)]
    return max(0.0, visible_since - _SEEK_MARGIN)


def build_timeline_args(probed: ProbeResult, number: int = 0) -> list[str]:
    """Return an output, to be placed after the inputs, that gives input `number` the same timeline as its listing.

    ffmpeg begins the timeline of an MPEG-TS with the first packet of the tracks that are used, so all tracks of
    :func:`bot.media.ffmpeg.probe.build_listing_args` have to be used again. The output itself is discarded.
    """
    if probed.clip.container != "mpegts" or not probed.sound:
        return []
    return ["-map", f"{number}:V:{probed.video_number}", "-map", f"{number}:a:0", "-c", "copy", "-f", "null", "-"]
