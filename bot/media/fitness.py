"""What FoxAPI takes as a clip (FoxAPI, Create: public MP4, 2-15 s, H.264/H.265/AV1)."""

from __future__ import annotations

from bot.phrase import Phrase, say
from bot.task import Clip

SECONDS_LEAST, SECONDS_MOST = 2.0, 15.0
CODECS = frozenset({"h264", "hevc", "av1"})
_ROUNDING = 0.04
"""Seconds: a clip "of 15 s" may be a picture longer or shorter, as its pictures and its sound do not end together."""


def too_short(clip: Clip) -> Phrase | None:
    """Why `clip` cannot be extended in any way, or None."""
    if clip.seconds >= SECONDS_LEAST - _ROUNDING:
        return None
    return say("That clip is {seconds} s long; FoxAPI takes {least} to {most} s - send a longer one.", **_lengths(clip))


def unfit(clip: Clip) -> Phrase | None:
    """Why FoxAPI would refuse `clip` as it is, in one sentence for the member, or None."""
    if sentence := too_short(clip):
        return sentence
    if clip.seconds > SECONDS_MOST + _ROUNDING:
        return say(
            "That clip is {seconds} s long; FoxAPI takes {least} to {most} s - send a shorter one.", **_lengths(clip)
        )
    if clip.container != "mp4":
        return say(
            "That clip is in the format {format}; FoxAPI takes MP4 - send it as MP4.", format=clip.container.upper()
        )
    if clip.video_codec not in CODECS:
        return say(
            "That clip is encoded as {codec}; FoxAPI takes H.264, H.265 or AV1 - encode it anew.",
            codec=clip.video_codec,
        )
    return None


def _lengths(clip: Clip) -> dict[str, str]:
    return {"seconds": f"{clip.seconds:.1f}", "least": f"{SECONDS_LEAST:g}", "most": f"{SECONDS_MOST:g}"}
