"""The clips that FoxAPI accepts: a public MP4 of 2-15 s in H.264, H.265 or AV1 (FoxAPI, Create)."""

from __future__ import annotations

from bot.domain.task import VideoInfo
from bot.i18n.text import Translatable, tr

MIN_SECONDS, MAX_SECONDS = 2.0, 15.0
CODECS = frozenset({"h264", "hevc", "av1"})
_MAX_PADDING = 0.1
"""Seconds by which the last frame may be repeated to bring a clip of nominally 2 s to 2 s: frames often end early."""


def find_length_problem(clip: VideoInfo) -> Translatable | None:
    """Return why `clip` is too short to be extended at all, or None."""
    return _explain_length(clip) if clip.seconds < MIN_SECONDS - _MAX_PADDING else None


def _explain_length(clip: VideoInfo) -> Translatable:
    return tr(
        "That clip is {seconds} s long; FoxAPI accepts {least} to {most} s. Send a longer one.", **_format_lengths(clip)
    )


def find_rejection(clip: VideoInfo) -> Translatable | None:
    """Return why FoxAPI would refuse `clip` as it is, as one sentence for the member, or None."""
    if clip.seconds < MIN_SECONDS:
        return _explain_length(clip)
    if clip.seconds > MAX_SECONDS:
        return tr(
            "That clip is {seconds} s long; FoxAPI accepts {least} to {most} s. Send a shorter one.",
            **_format_lengths(clip),
        )
    if clip.container != "mp4":
        return tr(
            "That clip is in the format {format}; FoxAPI accepts only MP4. Send it as MP4.",
            format=clip.container.upper(),
        )
    if clip.video_codec not in CODECS:
        return tr(
            "That clip is encoded as {codec}; FoxAPI accepts H.264, H.265 or AV1. Re-encode it.",
            codec=clip.video_codec,
        )
    return None


def _format_lengths(clip: VideoInfo) -> dict[str, str]:
    return {"seconds": f"{clip.seconds:.1f}", "least": f"{MIN_SECONDS:g}", "most": f"{MAX_SECONDS:g}"}
