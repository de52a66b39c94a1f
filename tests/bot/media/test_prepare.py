"""Probing and preparing clips: every kind that people have, and every kind that does harm."""

from __future__ import annotations

import asyncio
import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.task import VideoInfo
from bot.media import Ffmpeg, UnusableVideo, find_length_problem, find_rejection, make_thumbnail, prepare, probe
from tests.support.media_clips import (
    KINDS,
    compute_shade,
    ffmpeg,
    make,
    make_numbered,
    make_rotated,
    make_with_cover,
    read_shades,
)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture
def tool() -> Ffmpeg:
    return Ffmpeg(threads=1)


def list_files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def list_running() -> list[str]:
    """List the ffmpeg child processes that still exist (Linux only)."""
    started = [child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()]
    names = [Path(f"/proc/{child}/comm") for child in started]
    return [name.read_text() for name in names if name.exists() and name.read_text().startswith(("ffmpeg", "sh"))]


SIZES = {"portrait.mp4": (120, 160), "odd.mkv": (160, 120), "anamorphic.mp4": (320, 120)}
KEPT = {"hevc.mp4": "hevc", "av1.mkv": "av1"}
"""Kinds whose own codec FoxAPI accepts."""
RATES = {"moving.gif": 10, "portrait.mp4": 25, "odd.mkv": 24, "ntsc.mp4": 29.97}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_clip_is_made_fit(clips: Path, tmp_path: Path, tool: Ffmpeg, kind: str) -> None:
    """Whatever its container, codec, depth, size or audio, it becomes an equally long MP4 that FoxAPI accepts."""
    source = make(clips, kind)
    before = await probe(tool, source)
    done = await prepare(tool, source, tmp_path / "fit")
    clip = await probe(tool, tmp_path / "fit")
    assert clip == done.clip
    assert find_rejection(clip) is None
    assert clip.seconds == pytest.approx(before.seconds, abs=0.06)
    assert (clip.width, clip.height) == SIZES.get(kind, (160, 120))
    assert clip.fps == pytest.approx(RATES.get(kind, 30), abs=0.01)
    assert (clip.video_codec, clip.pixel_format, clip.rotated) == (KEPT.get(kind, "h264"), "yuv420p", False)
    assert clip.audio == before.audio
    assert (done.head_seconds, str(done.note)) == (0, "converted to MP4")
    assert list_files(tmp_path) == {"fit"}


@pytest.mark.parametrize("degrees", [90, 180, -90])
async def test_a_rotated_clip_becomes_upright(clips: Path, tmp_path: Path, tool: Ffmpeg, degrees: int) -> None:
    """A clip that is rotated by metadata is reported as displayed, and its frames are rotated permanently."""
    before = await probe(tool, make_rotated(clips, degrees))
    shown = (160, 120) if degrees == 180 else (120, 160)
    assert (before.width, before.height, before.rotated) == (*shown, True)
    after = (await prepare(tool, make_rotated(clips, degrees), tmp_path / "fit")).clip
    assert (after.width, after.height, after.rotated) == (*shown, False)


async def test_a_cover_is_no_video(clips: Path, tool: Ffmpeg) -> None:
    """A cover picture is not mistaken for the video."""
    clip = await probe(tool, make_with_cover(clips))
    assert (clip.width, clip.video_codec, clip.container) == (160, "h264", "mp4")


async def test_the_container_is_identified_by_its_content(clips: Path, tool: Ffmpeg) -> None:
    """MP4 and MOV, WebM and Matroska are distinguished, whatever the file's name."""
    for kind in ("h264.mp4", "h264.mov", "vp8.webm", "av1.mkv", "moving.gif", "mpeg4.avi"):
        clip = await probe(tool, make(clips, kind))
        assert clip.container == {"mkv": "matroska"}.get(kind[-3:], kind.rpartition(".")[2])


async def test_the_last_fifteen_seconds_are_cut_to_the_frame(tmp_path: Path, tool: Ffmpeg) -> None:
    """The last 15 s of a longer video are used, from exactly the frame at which the head ends."""
    source = make_numbered(tmp_path / "long.mov", first=0, count=203)
    done = await prepare(tool, source, tmp_path / "fit")
    assert done.head_seconds == pytest.approx(5.3)
    assert str(done.note) == "used the last 15 s of 0:20"
    assert find_rejection(done.clip) is None
    found = read_shades(tmp_path / "fit")
    assert len(found) == 150
    assert all(abs(found[number] - compute_shade(53 + number)) <= 4 for number in range(150))


async def test_large_clips_shrink_to_720p(tmp_path: Path, tool: Ffmpeg) -> None:
    """The long side is at most 1280, the short one at most 720, and the aspect ratio is kept."""
    for size, expected in (("1920x1080", (1280, 720)), ("1080x1920", (720, 1280)), ("1200x1000", (864, 720))):
        source = tmp_path / f"{size}.mov"
        ffmpeg("-f", "lavfi", "-i", f"color=s={size}:r=10:d=2", "-c:v", "libx264", "-preset", "ultrafast", source)
        clip = (await prepare(tool, source, tmp_path / "fit")).clip
        assert (clip.width, clip.height) == expected


HOSTILE = {
    "text.mp4": (b"hello, I am a video\n" * 50, "not a video"),
    "empty.mp4": (b"", "empty"),
    "playlist.mp4": (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nh264.mp4\n#EXT-X-ENDLIST\n", "not a video"),
    "script.mp4": (b"ffconcat version 1.0\nfile h264.mp4\n", "not a video"),
    "dash.mp4": (b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>", "not a video"),
    "page.mp4": (b"<!DOCTYPE html><title>video</title>", "not a video"),
    "still.mp4": (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "not a video"),
    "bomb.gif": (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + b"\0" * 60 + b";", "."),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_video_is_refused(clips: Path, tool: Ffmpeg, name: str) -> None:
    """Text, playlists, scripts, images and bombs are refused with a sentence, even next to files they name."""
    make(clips, "h264.mp4")
    content, words = HOSTILE[name]
    await asyncio.to_thread((clips / name).write_bytes, content)
    with pytest.raises(UnusableVideo, match=words) as caught:
        await probe(tool, clips / name)
    assert str(clips) not in str(caught.value.message)


async def test_truncated_files_are_detected(clips: Path, tmp_path: Path, tool: Ffmpeg) -> None:
    """A truncated file is refused, whether its index is at the end or at the beginning."""
    front = tmp_path / "front.mp4"
    ffmpeg("-i", make(clips, "h264.mp4"), "-c", "copy", "-movflags", "faststart", front)
    for source in (make(clips, "h264.mp4"), front, make(clips, "vp8.webm"), make(clips, "flash.flv")):
        half = tmp_path / f"half{source.suffix}"
        half.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        with pytest.raises(UnusableVideo, match="cut off"):
            await probe(tool, half)


async def test_the_readable_part_counts(clips: Path, tmp_path: Path, tool: Ffmpeg) -> None:
    """Half a GIF, AVI or transport stream, which state no duration, is as long as its readable part."""
    for kind in ("moving.gif", "mpeg4.avi", "stream.ts"):
        half = tmp_path / kind
        half.write_bytes(make(clips, kind).read_bytes()[: make(clips, kind).stat().st_size // 2])
        assert (await probe(tool, half)).seconds == pytest.approx(1.2, abs=0.5)


async def test_too_many_tracks_are_refused(clips: Path, tool: Ffmpeg) -> None:
    """A file with very many tracks is not processed."""
    ffmpeg("-i", make(clips, "h264.mp4"), *["-map", "0:a"] * 70, "-map", "0:v", "-c", "copy", clips / "many.mkv")
    with pytest.raises(UnusableVideo, match="64 or more tracks"):
        await probe(tool, clips / "many.mkv")


async def test_names_are_never_protocols(clips: Path, tmp_path: Path, tool: Ffmpeg) -> None:
    """A file is read as a file, even if its name looks like an option, a URL, a script or a pattern."""
    content = make(clips, "h264.mp4").read_bytes()
    for name in ("-i.mp4", "http:x.mp4", "concat:a|b.mp4", "pipe:0", "%03d.mp4", "it's; rm $x.mp4"):
        odd = tmp_path / name
        odd.write_bytes(content)
        assert (await probe(tool, odd)).container == "mp4"


async def test_a_run_is_bounded(tmp_path: Path, clips: Path) -> None:
    """Exceeding the limits of time, output, file size and memory each results in one sentence."""
    tool = Ffmpeg(file_bytes=100_000, threads=1)
    endless = ["-f", "lavfi", "-i", "testsrc2=s=320x240", "-c:v", "rawvideo", "-f", "rawvideo"]
    for arguments in (
        ["-re", "-f", "lavfi", "-i", "testsrc2", "-f", "null", "-"],
        [*endless, "pipe:1"],
        [*endless, str(tmp_path / "large")],
    ):
        with pytest.raises(UnusableVideo, match="too much time or memory"):
            await tool.run(arguments, seconds=0.5)
    with pytest.raises(UnusableVideo, match=r"too much time or memory|cannot be decoded"):
        await prepare(Ffmpeg(memory_bytes=150 << 20), make(clips, "hevc.mp4"), tmp_path / "fit")
    assert list_running() == []


async def test_cancelling_kills_the_process(tmp_path: Path, tool: Ffmpeg) -> None:
    """After a cancellation, the process and its partial file are gone before the caller continues."""
    source = tmp_path / "a.mov"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1280x720:d=8", "-c:v", "libx264", "-preset", "ultrafast", source)
    for wait in (0.0, 0.01, 0.1):
        work = asyncio.create_task(prepare(tool, source, tmp_path / "fit"))
        await asyncio.sleep(wait)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert list_running() == []
        assert list_files(tmp_path) == {"a.mov"}


async def test_only_so_many_run_at_once() -> None:
    """Further processes wait for a slot, and the waiting does not count towards their time limit."""
    tool = Ffmpeg(max_processes=1)
    arguments = ["-re", "-f", "lavfi", "-i", "testsrc2=s=16x16", "-t", "0.9", "-f", "null", "-"]
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(tool.run(arguments, seconds=0.8) for _ in range(3)))
    assert asyncio.get_running_loop().time() - began > 0.9


async def test_a_thumbnail_is_small(clips: Path, tmp_path: Path, tool: Ffmpeg) -> None:
    """The thumbnail is an upright JPEG within 320 pixels, and never larger than the clip."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1000x500:d=2", "-c:v", "libx264", tmp_path / "wide.mp4")
    expected = {
        tmp_path / "wide.mp4": (320, 160),
        make_rotated(clips, 90): (120, 160),
        make(clips, "moving.gif"): (160, 120),
    }
    for source, size in expected.items():
        still = await make_thumbnail(tool, source, await probe(tool, source))
        with Image.open(io.BytesIO(still)) as image:
            assert (image.format, image.size) == ("JPEG", size)


def test_a_rejection_names_the_value() -> None:
    """A clip that FoxAPI would refuse is refused with the wrong value; the limits themselves are accepted."""
    good = VideoInfo(seconds=5, width=2, height=2, video_codec="h264", container="mp4", fps=30, audio=True, size=1)
    for seconds in (2, 15):
        assert find_rejection(good.model_copy(update={"seconds": seconds})) is None
    for change, words in (
        ({"seconds": 1.0}, "is 1.0 s long; FoxAPI accepts 2 to 15 s"),
        ({"seconds": 1.99}, "FoxAPI accepts 2 to 15 s"),
        ({"seconds": 15.03}, "FoxAPI accepts 2 to 15 s"),
        ({"seconds": 16.0}, "is 16.0 s long"),
        ({"container": "webm"}, "WEBM"),
        ({"video_codec": "mpeg4"}, "mpeg4"),
    ):
        assert words in str(find_rejection(good.model_copy(update=change)))
    for length in (1.97, 100.0):  # the first is padded to 2 s
        assert find_length_problem(good.model_copy(update={"seconds": length})) is None
