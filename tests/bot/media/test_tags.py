"""Metadata text is not trusted: tags cannot imitate streams, sizes, durations or error messages."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import pytest
from PIL import Image

from bot.media import Ffmpeg, UnusableVideo, prepare, probe_details, probe_with_thumbnail
from bot.media.ffmpeg.file_type import read_major_brand
from tests.support.media_clips import ffmpeg, make, make_rotated

LIES = {
    "size": "Stream #0:0: Video: h264, yuv420p, 64x64, 30 fps",
    "rotation": "rotation of 1.2.3 degrees",
    "matrix": "Display Matrix: rotation of 90.00 degrees",
    "length": "Duration: 00:59:00.00, start: 0.000000",
    "lines": "x\n  Stream #0:0: Video: h264, yuv420p, 64x64, 30 fps\n  Duration: 00:59:00.00, start: 0.0",
    "output": "x\nOutput #0, framecrc, to 'pipe:1':\n  Stream #0:0: Video: gif, yuv420p, 64x64, 1 fps",
    "returns": "x\r\n  Stream #0:0: Video: gif, pal8, 64x64\r\x1b[31m\x0b\x0c",
    "complaint": "partial file, File ended prematurely, moov atom not found, max_streams",
    "complaint of a part": "x\n[mov @ 0x55] partial file",
    "brand": "qt  ",
    "long": "lie " * 20_000,
}
TAGS = ("title", "comment", "artist", "major_brand")


async def read_facts(path: Path, still: Path) -> tuple[object, ...]:
    """Return all that both kinds of probing report about a clip, but its size."""
    seen = await probe_details(Ffmpeg(), path)
    assert (await probe_with_thumbnail(Ffmpeg(), path, still)).clip == seen.clip
    assert still.read_bytes().startswith(b"\xff\xd8")
    still.unlink()
    return seen.clip.model_copy(update={"size": 0}), dataclasses.replace(seen.header, stated_seconds=None)


def make_lying_clip(source: Path, lie: str) -> Path:
    """Remux the streams with this text in the tags of the file, its tracks and its chapters."""
    into, chapters = source.with_stem("lying"), source.with_suffix(".chapters")
    escaped = "".join("\\" + each if each in "=;#\\\n" else each for each in lie)
    chapters.write_text(f";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle={escaped}\n")
    words = [part for tag in TAGS for part in ("-metadata", f"{tag}={lie}")]
    tracks = [
        part
        for tag in ("handler_name", "title", "language")
        for kind in ("v", "a")
        for part in (f"-metadata:s:{kind}:0", f"{tag}={lie}")
    ]
    maps = ("-map", "0", "-map_chapters", "1", "-c", "copy")
    ffmpeg("-i", source, "-f", "ffmetadata", "-i", chapters, *maps, *words, *tracks, into)
    return into


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("kind", ["h264.mp4", "h264.mov", "two_tracks.mkv"])
async def test_tags_do_not_change_what_is_detected(tmp_path: Path, kind: str, lie: str) -> None:
    """Titles, handlers, languages, comments and chapters do not change what is detected."""
    honest = make(tmp_path, kind)
    assert await read_facts(make_lying_clip(honest, LIES[lie]), tmp_path / "still") == await read_facts(
        honest, tmp_path / "still"
    )


async def test_a_tag_with_a_lying_name(tmp_path: Path) -> None:
    """A tag's name is logged with its line breaks; then no stated duration is trusted."""
    honest, into = make(tmp_path, "two_tracks.mkv"), tmp_path / "named.mkv"
    name = "x\n  Duration: 00:59:00.00, start: 0.0, bitrate: 1 kb/s\n  Stream #0:0: Video: gif, pal8, 64x64"
    ffmpeg("-i", honest, "-map", "0", "-c", "copy", "-metadata", f"{name}=y", into)
    assert await read_facts(into, tmp_path / "still") == await read_facts(honest, tmp_path / "still")


@pytest.mark.parametrize("degrees", [90, 180])
async def test_only_the_display_matrix_rotates(tmp_path: Path, degrees: int) -> None:
    """A display matrix rotates the clip; a handler's name that mentions a rotation does not."""
    into = tmp_path / "both.mov"
    ffmpeg(
        "-i",
        make_rotated(tmp_path, degrees),
        "-c",
        "copy",
        "-metadata:s:v:0",
        "handler_name=rotation of 45.00 degrees",
        into,
    )
    seen = await probe_details(Ffmpeg(), into)
    assert seen.clip.rotated
    assert (seen.clip.width, seen.clip.height) == ((120, 160) if degrees == 90 else (160, 120))


async def test_the_first_bytes_identify_the_container(tmp_path: Path) -> None:
    """An MP4 with a QuickTime tag and a WebM that contains "matroska" are identified by their first bytes."""
    for kind, container in (("h264.mp4", "mp4"), ("h264.mov", "mov"), ("vp8.webm", "webm"), ("av1.mkv", "matroska")):
        plain = make(tmp_path, kind)
        into = plain.with_stem("branded")
        ffmpeg("-i", plain, "-c", "copy", "-metadata", "title=webm", "-metadata", "comment=read_major_brand : qt", into)
        assert (await probe_details(Ffmpeg(), into)).clip.container == container


def test_a_brand_behind_small_boxes() -> None:
    """Free space may precede the box with the brand; invalid sizes and other files have no brand."""
    brand = b"\0\0\0\x10ftypisom1234"
    assert read_major_brand(b"\0\0\0\x10free12345678\0\0\0\x08wide" + brand) == b"isom"
    for broken in (
        b"",
        b"\0\0\0\0free" + brand,
        b"\xff\xff\xff\xffskip" + brand,
        b"\0\0\0\x08moov" + brand,
        brand[:11],
    ):
        assert read_major_brand(broken) is None


def make_gif(path: Path, *milliseconds: int) -> Path:
    """Make a GIF whose frames have these durations."""
    shades = [Image.new("RGB", (64, 48), (40 * number % 256, 90, 200)) for number, _ in enumerate(milliseconds)]
    shades[0].save(path, save_all=True, append_images=shades[1:], duration=list(milliseconds), loop=0, optimize=False)
    return path


@pytest.mark.parametrize(
    ("delays", "seconds"),
    [
        ((1000, 2000, 3000), 6.0),
        ((3000, 10, 2000), 5.01),
        ((500, 4000), 4.5),
        ((1000,) * 4, 4.0),
        ((5000, 40, 40), 5.08),
    ],
)
async def test_a_gif_with_a_delay_for_each_frame(tmp_path: Path, delays: tuple[int, ...], seconds: float) -> None:
    """Each frame is shown for its own delay, whether or not delays repeat."""
    made = await prepare(Ffmpeg(), make_gif(tmp_path / "some.gif", *delays), tmp_path / "fit.mp4")
    assert abs(made.clip.seconds - seconds) < 0.15


@pytest.mark.parametrize("delays", [(0,), (0, 0, 0), (10,), (655350,), (0, 30000, 0)])
async def test_a_gif_that_is_no_video(tmp_path: Path, delays: tuple[int, ...]) -> None:
    """A GIF with one frame or without delays is prepared or refused with a sentence."""
    await check_outcome(make_gif(tmp_path / "odd.gif", *delays))


@pytest.mark.parametrize("size", ["1x1", "2x16384", "16x16"])
async def test_a_clip_of_an_odd_size(tmp_path: Path, size: str) -> None:
    """The smallest and the narrowest frames are prepared or refused with a sentence."""
    path = tmp_path / ("odd.mp4" if size == "16x16" else "odd.gif")
    ffmpeg("-f", "lavfi", "-i", f"color=red:s={size}:r=1", "-frames:v", "3", path)
    await check_outcome(path)


@pytest.mark.parametrize("size", [(0, 0), (16384, 16384), (65535, 65535), (65535, 1)])
async def test_a_gif_that_claims_an_odd_size(tmp_path: Path, size: tuple[int, int]) -> None:
    """A frame with a stated size of zero or an enormous one is refused with a sentence or shown as it is."""
    path = make_gif(tmp_path / "odd.gif", 1000, 2000)
    content = bytearray(path.read_bytes())
    content[6:10] = struct.pack("<HH", *size)
    path.write_bytes(content)
    await check_outcome(path)


async def check_outcome(path: Path) -> None:
    """Check that the file is prepared, or refused with a sentence."""
    into = path.with_name("fit.mp4")
    try:
        made = await prepare(Ffmpeg(), path, into)
    except UnusableVideo as error:
        refusal = str(error.message)
    else:
        assert 1.9 < made.clip.seconds <= 15
        return
    assert 20 < len(refusal) < 250
    assert not into.exists()
