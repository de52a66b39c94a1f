"""The common format of all our own videos, and the filters that convert any video to it.

Upright, square pixels, at most 720p, constant frame rate, 8-bit 4:2:0 in BT.709, audio as 48 kHz stereo. The head of a
film and the submitted tail go through the same filters, so that the cut between them is invisible.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from bot.media.ffmpeg.packets import Timeline
from bot.media.ffmpeg.probe import ProbeResult
from bot.media.ffmpeg.process import Ffmpeg
from bot.media.ffmpeg.timing import MIN_DELAY, REPLACEMENT_DELAY

LONG_EDGE, SHORT_EDGE = 1280, 720
MIN_RATE, MAX_RATE = 10, 60
_MIN_MEASURED_RATE = 0.01
"""Frame rates below this are treated as this."""
_COMMON_RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")
)
HDR = frozenset({"smpte2084", "arib-std-b67"})
"""PQ and HLG: unconverted, they look washed out on screens that do not support them."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A size in square pixels and a constant frame rate."""

    width: int
    height: int
    rate: Fraction

    def frames(self, seconds: float) -> int:
        """Return the number of frames in `seconds`; at least one."""
        return max(1, round(seconds * self.rate))


def choose_format(probed: ProbeResult) -> OutputFormat:
    """Return the format in which the video is prepared: its own, within the limits."""
    width, height = probed.clip.width * probed.header.pixel_aspect, Fraction(probed.clip.height)
    shrink = min(Fraction(1), LONG_EDGE / max(width, height), SHORT_EDGE / min(width, height))
    return OutputFormat(
        round_to_even(width * shrink), round_to_even(height * shrink), _choose_rate(probed.video, probed.clip.fps)
    )


def matches_format(probed: ProbeResult) -> bool:
    """Whether the video already has the size and the constant rate of :func:`choose_format`."""
    target, intervals = choose_format(probed), [later - earlier for earlier, later in pairwise(probed.video.timestamps)]
    frame_seconds = 1 / float(target.rate)
    same_size = (target.width, target.height) == (probed.clip.width, probed.clip.height)
    return same_size and all(abs(interval - frame_seconds) < frame_seconds / 4 for interval in intervals)


def round_to_even(length: float | Fraction) -> int:
    """Return `length` as an even number of pixels, as 4:2:0 needs it; at least 2."""
    return max(2, round(length / 2) * 2)


def _choose_rate(video: Timeline, stated: float) -> Fraction:
    """Return the frame rate; for a variable one, the rate that most of its frames keep."""
    intervals = [later - earlier for earlier, later in pairwise(video.timestamps) if later > earlier]
    exact = max(_MIN_MEASURED_RATE, _measure_rate(intervals) if intervals else stated or 30.0)
    nearest = min(_COMMON_RATES, key=lambda common: abs(float(common) - exact))
    found = nearest if abs(float(nearest) - exact) < exact / 100 else Fraction(exact).limit_denominator(1001)
    if found < MIN_RATE:
        found *= -(-MIN_RATE // found)
    return min(found, Fraction(MAX_RATE))


def _measure_rate(intervals: list[float]) -> float:
    """Return the mean rate over the typical intervals, because Matroska rounds each to whole milliseconds."""
    # median_low returns an interval that occurs: a GIF's frames may all last differently.
    usual = statistics.median_low(intervals)
    steady = [interval for interval in intervals if abs(interval - usual) <= usual / 4]
    return len(steady) / sum(steady)


async def build_video_filter(
    ffmpeg: Ffmpeg, probed: ProbeResult, target: OutputFormat, *, start: float, frames: int
) -> str:
    """Return the filters that make exactly `frames` frames in the format `target`, beginning with the one at `start`.

    `start` is in seconds on the timeline of the filters' input. ffmpeg itself rotates the frames upright first.
    """
    constant_rate = probed.video.constant_rate
    # ffmpeg's estimates of missing timestamps are late by the frames that the decoder buffers.
    shown = f"N/({constant_rate:.6f}*TB)" if constant_rate else "PTS"
    if probed.clip.container == "gif":
        delay = f"if(lt((PTS-PREV_INPTS)*TB,{MIN_DELAY}),{REPLACEMENT_DELAY}/TB,PTS-PREV_INPTS)"
        shown = f"if(N,PREV_OUTPTS+{start:.6f}/TB+{delay},PTS)"
    steps = [
        *(["bwdif=mode=send_frame:deint=interlaced"] if probed.header.interlaced else []),
        f"setpts='{shown}-{start:.6f}/TB'",
        f"fps={target.rate}:start_time=0",  # keeps the earlier frame that is still visible at 0
        *await _build_scaling(ffmpeg, probed, target),
        "setsar=1",
        "tpad=stop_mode=clone:stop=-1",
        f"trim=end_frame={frames}",
    ]
    return ",".join(steps)


def build_frame_filter(target: OutputFormat, *, start: float, frames: int) -> str:
    """Like :func:`build_video_filter`, for a video that is in the format already: its frames are not changed."""
    return (
        f"setpts=PTS-{start:.6f}/TB,fps={target.rate}:start_time=0,tpad=stop_mode=clone:stop=-1,trim=end_frame={frames}"
    )


async def _build_scaling(ffmpeg: Ffmpeg, probed: ProbeResult, target: OutputFormat) -> list[str]:
    """Return the filters that scale to `target` in 8-bit BT.709, with HDR tone-mapped if this ffmpeg supports it."""
    width, height = _fit_inside(probed, target)
    scale = f"scale={width}:{height}:flags=bicubic"
    if probed.header.transfer in HDR and await ffmpeg.has_filters("zscale", "tonemap"):
        steps = [
            scale,
            f"zscale=tin={probed.header.transfer}:pin=bt2020:min=bt2020nc:t=linear:npl=203",
            *("format=gbrpf32le", "zscale=p=bt709", "tonemap=hable:desat=0", "zscale=t=bt709:m=bt709:r=tv"),
        ]
    else:
        # Players guess a missing matrix from the size; so does this.
        guess = "bt709" if min(probed.clip.width, probed.clip.height) >= 720 else "bt601"
        matrix = "auto" if probed.header.matrix else guess
        steps = [f"{scale}:in_color_matrix={matrix}:out_color_matrix=bt709:out_range=tv"]
    edges = [f"pad={target.width}:{target.height}:-1:-1"] if (width, height) != (target.width, target.height) else []
    tags = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    return [*steps, "format=yuv420p", tags, *edges]


def _fit_inside(probed: ProbeResult, target: OutputFormat) -> tuple[int, int]:
    """Return the frame's size inside `target`: all of it, unless that would distort the frame visibly."""
    own = probed.clip.width * probed.header.pixel_aspect / probed.clip.height
    wanted = Fraction(target.width, target.height)
    if abs(own / wanted - 1) < Fraction(3, 100) or min(target.width, target.height) < 64:
        return target.width, target.height
    if own > wanted:
        return target.width, min(round_to_even(target.width / own), target.height)
    return min(round_to_even(target.height * own), target.width), target.height


def build_audio_filter(*, start: float, seconds: float) -> str:
    """Return the filters that make exactly `seconds` of 48 kHz stereo, beginning with the audio at `start`.

    Silence fills in where the audio begins late, has gaps or ends early.
    """
    return (
        f"atrim=start={start:.6f},asetpts=PTS-{start:.6f}/TB,aresample=48000:async=1:first_pts=0,"
        f"aformat=sample_fmts=fltp:channel_layouts=stereo,apad,atrim=end={seconds:.6f}"
    )


def build_silence(seconds: float) -> str:
    """Return a source of silence in the format of :func:`build_audio_filter`."""
    return f"anullsrc=r=48000:cl=stereo,aformat=sample_fmts=fltp:channel_layouts=stereo,atrim=end={seconds:.6f}"
