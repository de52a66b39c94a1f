"""Correct stated times to the times that players really use."""

from __future__ import annotations

from itertools import pairwise

from bot.media.ffmpeg.packets import Timeline
from bot.media.ffmpeg.stream_info import StreamInfo

MIN_DELAY, REPLACEMENT_DELAY = 0.015, 0.1
"""Seconds: browsers replace GIF delays below the first value (0 or 1 hundredths) by the second."""


def apply_browser_delays(gif: Timeline) -> Timeline:
    """Return the frames of a GIF at the times at which browsers show them."""
    delays = [later - earlier for earlier, later in pairwise((*gif.timestamps, gif.end))]
    now, timestamps = gif.start, []
    for delay in delays:
        timestamps.append(now)
        now += REPLACEMENT_DELAY if delay < MIN_DELAY else delay
    return Timeline(tuple(timestamps), now, gif.has_timestamps)


def merge_fields(video: Timeline, header: StreamInfo) -> Timeline:
    """Merge fields that are stored in packets of their own: two of them make one frame."""
    if not header.interlaced or not header.rate or video.seconds <= 0:
        return video
    packets_per_picture = len(video.timestamps) / video.seconds / header.rate
    if abs(packets_per_picture - 2) > 0.1:
        return video
    return Timeline(video.timestamps[::2], video.end, video.has_timestamps)
