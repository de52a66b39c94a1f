"""Detect truncated files: each track is compared with its own stated length, not with the longest track."""

from __future__ import annotations

from pathlib import Path

from bot.i18n.text import tr
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.packets import Timeline, parse_timelines
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.ffmpeg.stream_info import StreamInfo
from bot.media.mp4.tracks import Mp4

_TIMEOUT = 30.0
_MAX_LISTING_BYTES = 1 << 24


async def check_complete(
    ffmpeg: Ffmpeg, path: Path, header: StreamInfo, mp4: Mp4 | None, video: Timeline, sound: Timeline | None
) -> None:
    """Raise UnusableVideo if the end of `path` is missing; `video` and `sound` are what could be read of it."""
    if mp4 is not None and not mp4.fragmented:
        if mp4.cut_off:
            raise make_cut_off_error(max(track.samples.seconds for track in mp4.tracks), video, sound)
        return  # every sample in the index is present
    readable, stated = _measure_readable(video, sound), header.stated_seconds or 0.0
    if _is_too_short(stated, readable) and _is_too_short(stated, await _measure_longest_track(ffmpeg, path)):
        raise make_cut_off_error(stated, video, sound)


def make_cut_off_error(stated: float | None, video: Timeline, sound: Timeline | None) -> UnusableVideo:
    """Return the error for a file that is cut off."""
    readable = _measure_readable(video, sound)
    return UnusableVideo(
        tr(
            "That file is cut off: only {readable} of {claimed} s can be read. Upload it again.",
            claimed=f"{max(stated or 0.0, readable):.1f}",
            readable=f"{readable:.1f}",
        )
    )


def _measure_readable(*tracks: Timeline | None) -> float:
    found = [track for track in tracks if track is not None]
    return max(track.end for track in found) - min(track.start for track in found)


def _is_too_short(stated: float, readable: float) -> bool:
    # Packets of unknown length make the sum slightly shorter than the stated length.
    return stated - readable > max(0.5, stated / 50)


async def _measure_longest_track(ffmpeg: Ffmpeg, path: Path) -> float:
    """Return the readable seconds of the longest track of any kind: it may be subtitles or a second audio track."""
    everything = ["-map", "0", "-c", "copy", "-copy_unknown", "-f", "framecrc", "pipe:1"]
    result = await ffmpeg.run(
        [*ffmpeg.build_input_args(path), *everything],
        seconds=_TIMEOUT,
        output_bytes=_MAX_LISTING_BYTES,
        purpose=Purpose.PROBE,
    )
    found = parse_timelines(result.stdout)
    return _measure_readable(*found.values()) if found else 0.0
