"""What FoxAPI takes as a clip (FoxAPI, Create: public MP4, 2-15 s, H.264/H.265/AV1)."""

from __future__ import annotations

from bot.domain.task import VideoInfo
from bot.i18n.text import Translatable, tr

MIN_SECONDS, MAX_SECONDS = 2.0, 15.0
CODECS = frozenset({"h264", "hevc", "av1"})
_HELD_MOST = 0.1
"""Seconds for which the last frame may be held to bring a clip "of 2 s" to 2 s, as its frames often end early."""


def find_length_problem(clip: VideoInfo) -> Translatable | None:
    """Why `clip` cannot be extended in any way, or None."""
    return _length(clip) if clip.seconds < MIN_SECONDS - _HELD_MOST else None


def _length(clip: VideoInfo) -> Translatable:
    return tr("That clip is {seconds} s long; FoxAPI takes {least} to {most} s - send a longer one.", **_lengths(clip))


def find_rejection(clip: VideoInfo) -> Translatable | None:
    """Why FoxAPI would refuse `clip` as it is, in one sentence for the member, or None."""
    if clip.seconds < MIN_SECONDS:
        return _length(clip)
    if clip.seconds > MAX_SECONDS:
        return tr(
            "That clip is {seconds} s long; FoxAPI takes {least} to {most} s - send a shorter one.", **_lengths(clip)
        )
    if clip.container != "mp4":
        return tr(
            "That clip is in the format {format}; FoxAPI takes MP4 - send it as MP4.", format=clip.container.upper()
        )
    if clip.video_codec not in CODECS:
        return tr(
            "That clip is encoded as {codec}; FoxAPI takes H.264, H.265 or AV1 - encode it anew.",
            codec=clip.video_codec,
        )
    return None


def _lengths(clip: VideoInfo) -> dict[str, str]:
    return {"seconds": f"{clip.seconds:.1f}", "least": f"{MIN_SECONDS:g}", "most": f"{MAX_SECONDS:g}"}
