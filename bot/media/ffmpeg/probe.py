"""Look at a video file: what it is, and how much of it can really be read.

One ffmpeg reads the whole file without decoding it (`-c copy -f framecrc`): its log describes the streams, and its
output has one line for each packet, so that a cut-off file is found out whatever its header claims. (There is no
ffprobe in imageio-ffmpeg.)
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.i18n.text import tr
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.brand import is_webm, major_brand
from bot.media.ffmpeg.completeness import check_whole, cut_off
from bot.media.ffmpeg.packets import Timeline, parse_timelines
from bot.media.ffmpeg.process import MOST_PIXELS, MOST_STREAMS, Ffmpeg, FfmpegResult, Purpose
from bot.media.ffmpeg.stream_info import StreamInfo, complains, marked, parse_stream_info
from bot.media.ffmpeg.timing import as_browsers_show, as_frames
from bot.media.mp4.tracks import Mp4, boxes_of

_NOT_A_VIDEO = tr("That file is not a video that I can read; send an MP4, MOV, WebM, MKV, AVI or GIF.")
_NO_END = tr("That file is cut off: its end, without which it cannot be read, is missing; upload it again.")
_SECONDS = 30.0
_LISTING_BYTES = 1 << 24
"""Room for some 250,000 packets: half an hour at 60 pictures a second, with sound."""
_CUT_OFF_SIGNS = ("partial file", "File ended prematurely", "stream ends prematurely")
_HEAD_BYTES = 4096
_LATE = 0.1
"""Seconds by which pictures may begin after the sound before that counts as meant."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """A :class:`VideoInfo`, and what only those who work on the file want to know."""

    clip: VideoInfo
    header: StreamInfo
    video: Timeline
    sound: Timeline | None
    """The first audio track, on the same time line as the video."""
    mp4: Mp4 | None
    """What our own reader finds, if this is an MP4 or MOV with sound boxes."""

    @property
    def start(self) -> float:
        """When the clip begins: with its first picture, or with its sound where the pictures clearly begin later."""
        return _start(self.video, self.sound)


async def probe(ffmpeg: Ffmpeg, path: Path) -> VideoInfo:
    """What `path` is. Raises :class:`Unfit` with a sentence if it is no video, a bomb, or cut off."""
    return (await probe_details(ffmpeg, path)).clip


async def probe_details(
    ffmpeg: Ffmpeg, path: Path, *, also: tuple[Sequence[str], Sequence[str]] | None = None
) -> ProbeResult:
    """Like :func:`probe`, with all that was seen.

    `also`: a second input and an output that the same run is to make of it; where that fails, there is no output.
    """
    beginning, size = await asyncio.to_thread(_read_head, path)
    if size == 0:
        raise UnusableVideo(tr("That file is empty; upload it again."))
    mark = secrets.token_hex(16)
    ran = await _list_packets(ffmpeg, path, mark, *(also or ((), ())))
    mp4 = await boxes_of(path) if major_brand(beginning) or b"moov" in beginning or b"mdat" in beginning else None
    seen = await asyncio.to_thread(read, ran, mark, beginning, size, mp4)
    await check_whole(ffmpeg, path, seen.header, mp4, seen.video, seen.sound)
    return seen


def read(ran: FfmpegResult, mark: str, beginning: bytes, size: int, mp4: Mp4 | None = None) -> ProbeResult:
    """What a run that listed a file's packets, with `mark` on its description, says of the file.

    Raises :class:`Unfit`, and nothing else, whatever the run wrote.
    """
    header = parse_stream_info(ran.stderr, mark)
    if complains(ran.stderr, mark, "max_streams"):
        raise UnusableVideo(
            tr("That file has {count} tracks or more in it; send one with just video and sound.", count=MOST_STREAMS)
        )
    if header is None:
        no_end = complains(ran.stderr, mark, "moov atom not found") and not complains(ran.stderr, mark, "low score")
        raise UnusableVideo(_NO_END if no_end else _NOT_A_VIDEO)
    if header.width * header.height > MOST_PIXELS:
        raise UnusableVideo(
            tr(
                "That video is {size} large, which is too much; make it smaller.",
                size=f"{header.width}x{header.height}",
            )
        )
    found = parse_timelines(ran.stdout)
    if 0 not in found or found[0].seconds <= 0:
        raise UnusableVideo(_NOT_A_VIDEO)
    container = _container(header, beginning)
    video, sound = found[0], found.get(1)
    if complains(ran.stderr, mark, *_CUT_OFF_SIGNS):
        raise cut_off(header.stated_seconds, video, sound)
    video = as_browsers_show(video) if container == "gif" else as_frames(video, header)
    return ProbeResult(_clip(header, video, sound, size, container), header, video, sound, mp4)


async def _list_packets(
    ffmpeg: Ffmpeg, path: Path, mark: str, inputs: Sequence[str], outputs: Sequence[str]
) -> FfmpegResult:
    """Have the packets listed and the streams described; once more and alone if the output beside it failed.

    For that ends the listing too.
    """
    # V, not v: a picture on the cover is no video.
    listing = ["-map", "0:V:0", "-map", "0:a:0?", "-c", "copy", *marked(mark), "-f", "framecrc", "pipe:1"]
    args = [*ffmpeg.input_args(path), *inputs, *listing, *outputs]
    try:
        ran = await ffmpeg.run(args, seconds=_SECONDS, output_bytes=_LISTING_BYTES, work=Purpose.PROBE)
        if ran.code == 0 or not outputs:
            return ran
    except UnusableVideo:
        if not outputs:
            raise
    return await _list_packets(ffmpeg, path, mark, (), ())


def _read_head(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES), path.stat().st_size


def _start(video: Timeline, sound: Timeline | None) -> float:
    return sound.start if sound and video.start - sound.start > _LATE else video.start


def _clip(header: StreamInfo, video: Timeline, sound: Timeline | None, size: int, container: str) -> VideoInfo:
    stated = header.rate if container != "gif" else 0.0
    return VideoInfo(
        seconds=round(video.end - _start(video, sound), 3),
        width=header.width,
        height=header.height,
        video_codec=header.codec,
        container=container,
        fps=stated or round(len(video.begins) / video.seconds, 3),
        audio=header.sound,
        size=size,
        pixel_format=header.pixel_format,
        rotated=header.rotation != 0,
    )


def _container(header: StreamInfo, beginning: bytes) -> str:
    """The one name of the container; ffmpeg reads several with one demuxer and names them all."""
    if "mov" in header.format_names:
        brand = major_brand(beginning)
        if brand is None or brand.startswith(b"qt"):
            return "mov"
        return "3gp" if brand.startswith(b"3g") else "mp4"
    if "webm" in header.format_names:
        return "webm" if is_webm(beginning) else "matroska"
    return header.format_names[0]
