"""The one form that all our own videos have, and the filters that bring any video into it.

Upright, square pixels, at most 720p, constant rate, 8 bit 4:2:0 in BT.709, sound as 48 kHz stereo. The kept head of a
film and the tail that was submitted go through the same filters, so that there is no seam between them.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from bot.media.ffmpeg.packets import Timeline
from bot.media.ffmpeg.probe import ProbeResult
from bot.media.ffmpeg.process import Ffmpeg
from bot.media.ffmpeg.timing import LONG_DELAY, SHORTEST_DELAY

LONG_EDGE, SHORT_EDGE = 1280, 720
RATE_LEAST, RATE_MOST = 10, 60
_SLOWEST = 0.01
"""Below this a rate is as good as none."""
_COMMON_RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")
)
HDR = frozenset({"smpte2084", "arib-std-b67"})
"""PQ and HLG: as they are, they look washed out on a screen that does not know them."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A size in square pixels and a constant rate in pictures per second."""

    width: int
    height: int
    rate: Fraction

    def frames(self, seconds: float) -> int:
        """How many pictures fill `seconds`; at least one."""
        return max(1, round(seconds * self.rate))


def output_format(look: ProbeResult) -> OutputFormat:
    """The shape that the video gets when it is prepared: its own, within the bounds."""
    width, height = look.clip.width * look.header.pixel_aspect, Fraction(look.clip.height)
    shrink = min(Fraction(1), LONG_EDGE / max(width, height), SHORT_EDGE / min(width, height))
    return OutputFormat(_even(width * shrink), _even(height * shrink), _rate(look.video, look.clip.fps))


def is_in_shape(look: ProbeResult) -> bool:
    """Whether the video already has the size and the constant rate of :func:`output_format`."""
    shape, backoff = output_format(look), [later - earlier for earlier, later in pairwise(look.video.begins)]
    each = 1 / float(shape.rate)
    same_size = (shape.width, shape.height) == (look.clip.width, look.clip.height)
    return same_size and all(abs(gap - each) < each / 4 for gap in backoff)


def _even(length: Fraction) -> int:
    return max(2, round(length / 2) * 2)


def _rate(video: Timeline, stated: float) -> Fraction:
    """The usual rate of a video: for a variable one, what most of its pictures keep to."""
    backoff = [later - earlier for earlier, later in pairwise(video.begins) if later > earlier]
    exact = max(_SLOWEST, _steady_rate(backoff) if backoff else stated or 30.0)
    nearest = min(_COMMON_RATES, key=lambda common: abs(float(common) - exact))
    found = nearest if abs(float(nearest) - exact) < exact / 100 else Fraction(exact).limit_denominator(1001)
    if found < RATE_LEAST:
        found *= -(-RATE_LEAST // found)
    return min(found, Fraction(RATE_MOST))


def _steady_rate(backoff: list[float]) -> float:
    """The mean over the gaps that are about as long as most are, for Matroska rounds each to whole milliseconds."""
    usual = statistics.median_low(backoff)  # one that is there, for a GIF's pictures may each last as long as they like
    steady = [gap for gap in backoff if abs(gap - usual) <= usual / 4]
    return len(steady) / sum(steady)


async def video_filter(ffmpeg: Ffmpeg, look: ProbeResult, shape: OutputFormat, *, start: float, pictures: int) -> str:
    """The filters that make exactly `pictures` pictures of `shape`, the first of them what is shown at `start`.

    `start` is in seconds on the time line that the filters are given. ffmpeg itself turns the picture upright first.
    """
    beat = look.video.constant_rate
    # ffmpeg's guesses at times that are not there come late by the pictures that the decoder holds back.
    shown = f"N/({beat:.6f}*TB)" if beat else "PTS"
    if look.clip.container == "gif":
        delay = f"if(lt((PTS-PREV_INPTS)*TB,{SHORTEST_DELAY}),{LONG_DELAY}/TB,PTS-PREV_INPTS)"
        shown = f"if(N,PREV_OUTPTS+{start:.6f}/TB+{delay},PTS)"
    steps = [
        *(["bwdif=mode=send_frame:deint=interlaced"] if look.header.interlaced else []),
        f"setpts='{shown}-{start:.6f}/TB'",
        f"fps={shape.rate}:start_time=0",  # of all that came before, it keeps the picture that still stands at 0
        *await _drawn(ffmpeg, look, shape),
        "setsar=1",
        "tpad=stop_mode=clone:stop=-1",
        f"trim=end_frame={pictures}",
    ]
    return ",".join(steps)


def steady_filter(shape: OutputFormat, *, start: float, pictures: int) -> str:
    """Like :func:`video_filter`, for a video that has this shape already: its pictures stay as they are."""
    return (
        f"setpts=PTS-{start:.6f}/TB,fps={shape.rate}:start_time=0,"
        f"tpad=stop_mode=clone:stop=-1,trim=end_frame={pictures}"
    )


async def _drawn(ffmpeg: Ffmpeg, look: ProbeResult, shape: OutputFormat) -> list[str]:
    """Fill `shape`, in BT.709 with 8 bit; high dynamic range is toned down, if this ffmpeg can do it."""
    width, height = _within(look, shape)
    scale = f"scale={width}:{height}:flags=bicubic"
    if look.header.transfer in HDR and await ffmpeg.has_filters("zscale", "tonemap"):
        steps = [
            scale,
            f"zscale=tin={look.header.transfer}:pin=bt2020:min=bt2020nc:t=linear:npl=203",
            *("format=gbrpf32le", "zscale=p=bt709", "tonemap=hable:desat=0", "zscale=t=bt709:m=bt709:r=tv"),
        ]
    else:
        # What does not say how it is coded is taken as players take it: by its size.
        guess = "bt709" if min(look.clip.width, look.clip.height) >= 720 else "bt601"
        matrix = "auto" if look.header.matrix else guess
        steps = [f"{scale}:in_color_matrix={matrix}:out_color_matrix=bt709:out_range=tv"]
    edges = [f"pad={shape.width}:{shape.height}:-1:-1"] if (width, height) != (shape.width, shape.height) else []
    tags = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    return [*steps, "format=yuv420p", tags, *edges]


def _within(look: ProbeResult, shape: OutputFormat) -> tuple[int, int]:
    """The size of the picture inside `shape`: all of it, unless that would distort the picture visibly."""
    own = look.clip.width * look.header.pixel_aspect / look.clip.height
    wanted = Fraction(shape.width, shape.height)
    if abs(own / wanted - 1) < Fraction(3, 100) or min(shape.width, shape.height) < 64:
        return shape.width, shape.height
    if own > wanted:
        return shape.width, min(_even(shape.width / own), shape.height)
    return min(_even(shape.height * own), shape.width), shape.height


def audio_filter(*, start: float, seconds: float) -> str:
    """The filters that make exactly `seconds` of 48 kHz stereo, beginning with what is heard at `start`.

    Where the sound begins late, has gaps, or ends early, there is silence.
    """
    return (
        f"atrim=start={start:.6f},asetpts=PTS-{start:.6f}/TB,aresample=48000:async=1:first_pts=0,"
        f"aformat=sample_fmts=fltp:channel_layouts=stereo,apad,atrim=end={seconds:.6f}"
    )


def silence(seconds: float) -> str:
    """A source of silence like the output of :func:`audio_filter`."""
    return f"anullsrc=r=48000:cl=stereo,aformat=sample_fmts=fltp:channel_layouts=stereo,atrim=end={seconds:.6f}"
