"""Probe a video file: its streams, and how much of it can really be read.

One ffmpeg run reads the whole file without decoding it (`-c copy -f framecrc`): its log describes the streams, and its
output has one line for each packet, which exposes a cut-off file whatever its header says. (imageio-ffmpeg does not
bring ffprobe.)
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.domain.task import VideoInfo
from bot.i18n.text import tr
from bot.media.errors import UnusableVideo
from bot.media.ffmpeg.completeness import check_complete, make_cut_off_error
from bot.media.ffmpeg.decoding import DECODING_OUTPUTS, Decoding, is_field_coded, parse_decoding
from bot.media.ffmpeg.file_type import is_webm, read_major_brand
from bot.media.ffmpeg.packets import Timeline, parse_timelines
from bot.media.ffmpeg.process import MAX_PIXELS, MAX_STREAMS, Ffmpeg, FfmpegResult, Purpose
from bot.media.ffmpeg.stream_info import StreamInfo, build_marker_options, has_message, parse_stream_info
from bot.media.ffmpeg.timing import apply_browser_delays, count_frames, may_count_fields, merge_fields
from bot.media.mp4.tracks import Mp4, try_read_mp4

_NOT_A_VIDEO = tr("That file is not a video that can be read. Send an MP4, MOV, WebM, MKV, AVI or GIF.")
_NO_END = tr("That file is cut off: its end, which is needed to read it, is missing. Upload it again.")
_TIMEOUT = 30.0
_MAX_LISTING_BYTES = 1 << 24
"""Enough for about 250,000 packets: half an hour at 60 frames per second, with audio."""
_MAX_DECODED_BYTES = 20_000_000
"""Larger files are decoded in a run of their own, which has more time."""
_NO_INDEX = "moov atom not found"
_GUESSED_FORMAT = "low score"
_TOO_MANY_STREAMS = "max_streams"
_CUT_OFF_MESSAGES = ("partial file", "File ended prematurely", "stream ends prematurely")
_HEAD_BYTES = 4096
_MAX_AUDIO_LEAD = 0.1
"""Seconds by which the video may begin after the audio before that counts as intended."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """A :class:`VideoInfo`, and the details that only media work needs."""

    clip: VideoInfo
    header: StreamInfo
    video: Timeline
    sound: Timeline | None
    """The first audio track, on the same timeline as the video."""
    mp4: Mp4 | None
    """The result of our own parser, if this is an MP4 or MOV with valid boxes."""
    video_number: int = 0
    """The number of the video track that is meant, among those that are not cover pictures."""
    decoding: Decoding | None = None
    """What decoding it showed, if the same run did that."""

    @property
    def start(self) -> float:
        """When the clip begins: with its first frame, or with its audio if the video clearly begins later."""
        return _find_start(self.video, self.sound)


async def probe(ffmpeg: Ffmpeg, path: Path) -> VideoInfo:
    """Probe `path`. Raises :class:`UnusableVideo` if it is not a video, too large, or cut off."""
    return (await probe_details(ffmpeg, path)).clip


async def probe_details(
    ffmpeg: Ffmpeg,
    path: Path,
    *,
    also: tuple[Sequence[str], Sequence[str]] | None = None,
    decode_up_to: float = 0.0,
) -> ProbeResult:
    """Like :func:`probe`, with all details.

    `also`: a second input and an output for the same run; if that fails, the output is missing. `decode_up_to`: the
    same run decodes an MP4 of at most this many seconds, because starting ffmpeg is most of the cost.
    """
    beginning, size = await asyncio.to_thread(_read_beginning, path)
    if size == 0:
        raise UnusableVideo(tr("That file is empty. Upload it again."))
    may_be_mp4 = read_major_brand(beginning) or b"moov" in beginning or b"mdat" in beginning
    mp4 = await try_read_mp4(path) if may_be_mp4 else None
    number = mp4.shown_video if mp4 else 0
    if number:  # the other outputs take the first track
        also, decode_up_to = None, 0.0
    decodes = mp4 is not None and not mp4.fragmented and mp4.seconds <= decode_up_to and size <= _MAX_DECODED_BYTES
    inputs, outputs = also or ((), ())
    marker = secrets.token_hex(16)
    listing = build_listing_args(marker, number)
    log = await _list_packets(ffmpeg, path, inputs, listing, (*outputs, *(DECODING_OUTPUTS if decodes else ())))
    probed = await asyncio.to_thread(parse_probe, log.result, marker, beginning, size, mp4)
    await check_complete(ffmpeg, path, probed.header, mp4, probed.video, probed.sound)
    decoding = parse_decoding(log.result.stderr) if decodes and log.with_outputs else None
    return await _correct_fields(ffmpeg, path, replace(probed, decoding=decoding))


async def _correct_fields(ffmpeg: Ffmpeg, path: Path, probed: ProbeResult) -> ProbeResult:
    """Correct the rate if the fields of an interlaced video were counted as frames."""
    header, decoding, container = probed.header, probed.decoding, probed.clip.container
    counts_fields = may_count_fields(header)
    if not (decoding.field_coded if decoding else counts_fields and await is_field_coded(ffmpeg, path)):
        return probed
    video, header = count_frames(probed.video, header) if counts_fields else (probed.video, header)
    header = replace(header, interlaced=True)
    clip = _build_video_info(header, video, probed.sound, probed.clip.size, container)
    return replace(probed, clip=clip, header=header, video=video)


def parse_probe(result: FfmpegResult, marker: str, beginning: bytes, size: int, mp4: Mp4 | None = None) -> ProbeResult:
    """Parse a run that listed a file's packets, with `marker` on its description.

    Raises :class:`UnusableVideo`, and nothing else, whatever the run wrote.
    """
    header = parse_stream_info(result.stderr, marker)
    if has_message(result.stderr, marker, _TOO_MANY_STREAMS):
        raise UnusableVideo(
            tr("That file has {count} or more tracks. Send one with just video and sound.", count=MAX_STREAMS)
        )
    if header is None:
        has_no_index = has_message(result.stderr, marker, _NO_INDEX)
        is_guess = has_message(result.stderr, marker, _GUESSED_FORMAT)
        raise UnusableVideo(_NO_END if has_no_index and not is_guess else _NOT_A_VIDEO)
    if header.width * header.height > MAX_PIXELS:
        raise UnusableVideo(
            tr(
                "That video is too large ({size} pixels). Scale it down first.",
                size=f"{header.width}x{header.height}",
            )
        )
    found = parse_timelines(result.stdout)
    if 0 not in found or found[0].seconds <= 0:
        raise UnusableVideo(_NOT_A_VIDEO)
    container = _name_container(header, beginning)
    video, sound = found[0], found.get(1)
    if has_message(result.stderr, marker, *_CUT_OFF_MESSAGES):
        raise make_cut_off_error(header.stated_seconds, video, sound)
    video = apply_browser_delays(video) if container == "gif" else merge_fields(video, header)
    clip = _build_video_info(header, video, sound, size, container)
    return ProbeResult(clip, header, video, sound, mp4, mp4.shown_video if mp4 else 0)


def build_listing_args(marker: str, video_number: int = 0) -> list[str]:
    """Return the output that lists the packets of a file's video and audio, with the marker that parsers look for.

    `V` skips cover pictures.
    """
    maps = ["-map", f"0:V:{video_number}", "-map", "0:a:0?", "-c", "copy"]
    return [*maps, *build_marker_options(marker), "-f", "framecrc", "pipe:1"]


@dataclass(frozen=True, slots=True)
class _Listing:
    """A run that listed a file's packets."""

    result: FfmpegResult
    with_outputs: bool
    """Whether the run made the further outputs too."""


async def _list_packets(
    ffmpeg: Ffmpeg, path: Path, inputs: Sequence[str], listing: Sequence[str], outputs: Sequence[str]
) -> _Listing:
    """List the packets and describe the streams.

    If one of the further outputs fails, it ends the listing too; then the listing runs again without them.
    """
    args = [*ffmpeg.build_input_args(path), *inputs, *listing, *outputs]
    try:
        result = await ffmpeg.run(args, seconds=_TIMEOUT, output_bytes=_MAX_LISTING_BYTES, purpose=Purpose.PROBE)
        if result.code == 0 or not outputs:
            return _Listing(result, with_outputs=bool(outputs))
    except UnusableVideo:
        if not outputs:
            raise
    return await _list_packets(ffmpeg, path, (), listing, ())


def _read_beginning(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES), path.stat().st_size


def _find_start(video: Timeline, sound: Timeline | None) -> float:
    return sound.start if sound and video.start - sound.start > _MAX_AUDIO_LEAD else video.start


def _build_video_info(
    header: StreamInfo, video: Timeline, sound: Timeline | None, size: int, container: str
) -> VideoInfo:
    stated = header.rate if container != "gif" else 0.0
    return VideoInfo(
        seconds=round(video.end - _find_start(video, sound), 3),
        width=header.width,
        height=header.height,
        video_codec=header.codec,
        container=container,
        fps=stated or round(len(video.timestamps) / video.seconds, 3),
        audio=header.sound,
        size=size,
        pixel_format=header.pixel_format,
        rotated=header.rotation != 0,
    )


def _name_container(header: StreamInfo, beginning: bytes) -> str:
    """Return the one name of the container; ffmpeg's demuxers read several and name them all."""
    if "mov" in header.format_names:
        brand = read_major_brand(beginning)
        if brand is None or brand.startswith(b"qt"):
            return "mov"
        return "3gp" if brand.startswith(b"3g") else "mp4"
    if "webm" in header.format_names:
        return "webm" if is_webm(beginning) else "matroska"
    return header.format_names[0]
