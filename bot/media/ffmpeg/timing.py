"""Correct stated times to the times that players really use."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from bot.media.ffmpeg.packets import Timeline
from bot.media.ffmpeg.stream_info import StreamInfo

MIN_DELAY, REPLACEMENT_DELAY = 0.015, 0.1
"""Seconds: browsers replace GIF delays below the first value (0 or 1 hundredths) by the second."""
_MIN_FIELD_RATE = 40.0
"""Per second: interlaced video has at least 50 fields."""


def apply_browser_delays(gif: Timeline) -> Timeline:
    """Return the frames of a GIF at the times at which browsers show them."""
    delays = [later - earlier for earlier, later in pairwise((*gif.timestamps, gif.end))]
    now, timestamps = gif.start, []
    for delay in delays:
        timestamps.append(now)
        now += REPLACEMENT_DELAY if delay < MIN_DELAY else delay
    return Timeline(tuple(timestamps), now, gif.has_timestamps)


def merge_fields(video: Timeline, header: StreamInfo) -> Timeline:
    """Merge fields that are stored in packets of their own: two of them make one frame of the stated rate."""
    if not header.interlaced or not header.rate or video.seconds <= 0:
        return video
    packets_per_picture = len(video.timestamps) / video.seconds / header.rate
    return _merge_pairs(video) if abs(packets_per_picture - 2) <= 0.1 else video


def may_count_fields(header: StreamInfo) -> bool:
    """Whether the stated rate may be that of fields; ffmpeg counts packets, and does not always know what they hold."""
    return header.codec == "h264" and header.rate >= _MIN_FIELD_RATE


def count_frames(video: Timeline, header: StreamInfo) -> tuple[Timeline, StreamInfo]:
    """Correct the timeline and the rate of a field-coded video whose fields were counted as frames."""
    return _merge_pairs(video), replace(header, interlaced=True, rate=header.rate / 2)


def _merge_pairs(video: Timeline) -> Timeline:
    return Timeline(video.timestamps[::2], video.end, video.has_timestamps)
