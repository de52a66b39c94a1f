"""What FoxAPI takes as a clip (FoxAPI, Create: public MP4, 2-15 s, H.264/H.265/AV1)."""

from __future__ import annotations

from bot.task import Clip

SECONDS_LEAST, SECONDS_MOST = 2.0, 15.0
CODECS = frozenset({"h264", "hevc", "av1"})
_ROUNDING = 0.04
"""Seconds: a clip "of 15 s" may be a picture longer or shorter, as its pictures and its sound do not end together."""


def too_short(clip: Clip) -> str | None:
    """Why `clip` cannot be extended in any way, or None."""
    if clip.seconds >= SECONDS_LEAST - _ROUNDING:
        return None
    return (
        f"That clip is {clip.seconds:.1f} s long; FoxAPI takes {SECONDS_LEAST:g} to {SECONDS_MOST:g} s - "
        "send a longer one."
    )


def unfit(clip: Clip) -> str | None:
    """Why FoxAPI would refuse `clip` as it is, in one sentence for the member, or None."""
    if sentence := too_short(clip):
        return sentence
    if clip.seconds > SECONDS_MOST + _ROUNDING:
        return (
            f"That clip is {clip.seconds:.1f} s long; FoxAPI takes {SECONDS_LEAST:g} to {SECONDS_MOST:g} s - "
            "send a shorter one."
        )
    if clip.container != "mp4":
        return f"That clip is in the format {clip.container.upper()}; FoxAPI takes MP4 - send it as MP4."
    if clip.video_codec not in CODECS:
        return f"That clip is encoded as {clip.video_codec}; FoxAPI takes H.264, H.265 or AV1 - encode it anew."
    return None
