"""A small still of a clip, so that one sees which clip a reply is about."""

from __future__ import annotations

from pathlib import Path

from bot.media.errors import Unfit
from bot.media.ffmpeg import Ffmpeg, Work
from bot.phrase import say
from bot.task import Clip

_EDGE = 320
_SECONDS = 15.0
_BYTES = 1 << 18


async def poster(ffmpeg: Ffmpeg, path: Path, clip: Clip) -> bytes:
    """A JPEG of about the last second of `path`, at most 320 pixels wide and high, for there the extension begins.

    Raises :class:`Unfit` if no picture can be had of it.
    """
    seek = f"{max(0.0, clip.seconds - 1):.3f}"
    shrink = (
        f"scale=w='max(2,iw*sar)':h=ih,setsar=1,"
        f"scale=w='min({_EDGE},iw)':h='min({_EDGE},ih)':force_original_aspect_ratio=decrease"
    )
    output = ["-map", "0:V:0", "-frames:v", "1", "-vf", shrink, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "5"]
    args = [*ffmpeg.source(path, "-ss", seek), *output, "-threads", "1", "-f", "image2pipe", "pipe:1"]
    ran = await ffmpeg.run(args, seconds=_SECONDS, output_bytes=_BYTES, work=Work.STILL)
    if not ran.stdout:
        raise Unfit(say("No picture can be read from that video; send another one."))
    return ran.stdout
