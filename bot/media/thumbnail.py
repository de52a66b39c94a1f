"""A small still image of a clip, which shows the clip that a reply is about."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.i18n.text import tr
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.probe import ProbeResult, probe_details
from bot.media.ffmpeg.process import Ffmpeg, Purpose
from bot.media.ffmpeg.stream_info import STRIPPED
from bot.media.part_files import make_part_path
from bot.media.requirements import MAX_SECONDS

log = logging.getLogger(__name__)

_MAX_EDGE = 320
_TIMEOUT = 15.0
_MAX_BYTES = 1 << 18


_SCALE = (
    f"scale=w='max(2,iw*sar)':h=ih,setsar=1,"
    f"scale=w='min({_MAX_EDGE},iw)':h='min({_MAX_EDGE},ih)':force_original_aspect_ratio=decrease"
)
_JPEG_ARGS = (
    *STRIPPED,
    "-frames:v",
    "1",
    "-vf",
    _SCALE,
    "-c:v",
    "mjpeg",
    "-pix_fmt",
    "yuvj420p",
    "-q:v",
    "5",
    "-threads",
    "1",
)


async def probe_with_thumbnail(ffmpeg: Ffmpeg, path: Path, thumbnail: Path) -> ProbeResult:
    """Probe `path`, and write its :func:`make_thumbnail` to the file `thumbnail` if possible. Raises UnusableVideo.

    One ffmpeg process does both, and decodes a clip that FoxAPI may be given as it is, because starting ffmpeg is most
    of the cost. If that fails, each gets a process of its own.
    """
    part = make_part_path(thumbnail)
    frame = ["-map", "1:V:0", *_JPEG_ARGS, "-f", "image2", "-update", "1", "-y", f"file:{part}"]
    try:
        last_second = ffmpeg.build_input_args(path, "-sseof", "-1")
        probed = await probe_details(ffmpeg, path, also=(last_second, frame), decode_up_to=MAX_SECONDS)
        with suppress(UnusableVideo):
            if not await asyncio.to_thread(_is_valid_file, part):
                await asyncio.to_thread(
                    part.write_bytes, await make_thumbnail(ffmpeg, path, probed.clip, probed.video_number)
                )
            await asyncio.to_thread(part.replace, thumbnail)
            return probed
        log.info("no thumbnail for %s", path.parent.name)
        return probed
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)


def _is_valid_file(thumbnail: Path) -> bool:
    return thumbnail.is_file() and 0 < thumbnail.stat().st_size <= _MAX_BYTES


async def make_thumbnail(ffmpeg: Ffmpeg, path: Path, clip: VideoInfo, video_number: int = 0) -> bytes:
    """Return a JPEG from about the last second of `path`, where the extension begins; at most 320 pixels wide and high.

    Raises :class:`UnusableVideo` if no frame can be decoded.
    """
    seek = f"{max(0.0, clip.seconds - 1):.3f}"
    source = [*ffmpeg.build_input_args(path, "-ss", seek), "-map", f"0:V:{video_number}"]
    args = [*source, *_JPEG_ARGS, "-f", "image2pipe", "pipe:1"]
    result = await ffmpeg.run(args, seconds=_TIMEOUT, output_bytes=_MAX_BYTES, purpose=Purpose.THUMBNAIL)
    if not result.stdout:
        raise UnusableVideo(tr("No picture can be read from that video. Send another one."))
    return result.stdout
