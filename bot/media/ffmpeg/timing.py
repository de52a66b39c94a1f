"""Times that a file states, but that players do not keep to."""

from __future__ import annotations

from itertools import pairwise

from bot.media.ffmpeg.packets import Timeline
from bot.media.ffmpeg.stream_info import StreamInfo

SHORTEST_DELAY, LONG_DELAY = 0.015, 0.1
"""Seconds: browsers show a frame of a GIF for the second if its delay is below the first (0 or 1 hundredths)."""


def apply_browser_delays(gif: Timeline) -> Timeline:
    """The frames of a GIF at the times at which browsers show them."""
    delays = [later - earlier for earlier, later in pairwise((*gif.timestamps, gif.end))]
    now, timestamps = gif.start, []
    for delay in delays:
        timestamps.append(now)
        now += LONG_DELAY if delay < SHORTEST_DELAY else delay
    return Timeline(tuple(timestamps), now, gif.has_timestamps)


def merge_fields(video: Timeline, header: StreamInfo) -> Timeline:
    """The frames of a video whose fields come in packets of their own: two of them make one frame."""
    if not header.interlaced or not header.rate or video.seconds <= 0:
        return video
    packets_per_picture = len(video.timestamps) / video.seconds / header.rate
    if abs(packets_per_picture - 2) > 0.1:
        return video
    return Timeline(video.timestamps[::2], video.end, video.has_timestamps)
