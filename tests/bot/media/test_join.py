"""From FoxAPI's result to the delivered video: a seamless film, the new part, or a size that fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.task import ResultKind, VideoInfo
from bot.media import Ffmpeg, SourceClip, Workspaces, compress, join, prepare, probe
from tests.support.media_clips import compute_shade, ffmpeg, find_beeps, make, make_numbered, make_rotated, read_shades

FILM, NEW_PART = ResultKind.FILM, ResultKind.NEW_PART


@pytest.fixture
def tool() -> Ffmpeg:
    return Ffmpeg(threads=1)


def list_files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def has_same_shades(path: Path, first: int, count: int) -> bool:
    """Whether the frames of `path` are exactly those numbered from `first` on."""
    found = read_shades(path)
    return len(found) == count and all(abs(found[n] - compute_shade(first + n)) <= 5 for n in range(count))


@pytest.mark.parametrize("suffix", ["mov", "mkv", "avi"])
async def test_no_frame_is_repeated_or_lost_at_the_cut(tmp_path: Path, tool: Ffmpeg, suffix: str) -> None:
    """Head and joined result make a film in which each frame of the video and of the extension occurs once."""
    source = make_numbered(tmp_path / f"video.{suffix}", first=0, count=203)
    prepared = await prepare(tool, source, tmp_path / "fit")
    result = make_numbered(tmp_path / "result.mp4", first=53, count=150 + 20)
    assert has_same_shades(tmp_path / "fit", 53, 150)
    kept = SourceClip(source, prepared.head_seconds)
    film = await join(tool, kept, prepared.clip, result, added=2, kind=FILM, into=tmp_path / "film")
    assert (film.path, film.was_joined) == (tmp_path / "film", True)
    assert has_same_shades(film.path, 0, 223)
    assert film.clip.seconds == pytest.approx(22.3, abs=0.01)


async def test_a_result_that_is_only_the_new_part_is_joined_to_all(tmp_path: Path, tool: Ffmpeg) -> None:
    """If the result lacks the clip, the film is the whole video plus the result, and the new part is the result."""
    source = make_numbered(tmp_path / "video.mov", first=0, count=173)
    prepared = await prepare(tool, source, tmp_path / "fit")
    result = make_numbered(tmp_path / "result.mp4", first=173, count=60)
    kept = SourceClip(source, prepared.head_seconds)
    film = await join(tool, kept, prepared.clip, result, added=6, kind=FILM, into=tmp_path / "film")
    assert not film.was_joined
    assert has_same_shades(film.path, 0, 233)
    part = await join(tool, kept, prepared.clip, result, added=6, kind=NEW_PART, into=tmp_path / "part")
    assert (part.path, list_files(tmp_path)) == (result, {"video.mov", "fit", "result.mp4", "film"})


async def test_the_new_part_is_cut_out_of_a_joined_result(tmp_path: Path, tool: Ffmpeg) -> None:
    """The new part of a joined result begins after the last submitted frame."""
    source = make_numbered(tmp_path / "clip.mp4", first=0, count=50)
    result = make_numbered(tmp_path / "result.mp4", first=0, count=50 + 30)
    kept, clip = SourceClip(source), await probe(tool, source)
    part = await join(tool, kept, clip, result, added=3, kind=NEW_PART, into=tmp_path / "part")
    assert has_same_shades(part.path, 50, 30)


async def test_a_joined_result_of_a_whole_clip_is_the_film_untouched(tmp_path: Path, tool: Ffmpeg) -> None:
    """If there is no head, the result itself is the film, and nothing is encoded again."""
    source = make_numbered(tmp_path / "clip.mp4", first=0, count=50)
    result = make_numbered(tmp_path / "result.mp4", first=0, count=110)
    clip = await probe(tool, source)
    film = await join(tool, SourceClip(source), clip, result, added=6, kind=FILM, into=tmp_path / "film")
    assert (film.path, film.clip.seconds, film.was_joined) == (result, 11.0, True)
    assert list_files(tmp_path) == {"clip.mp4", "result.mp4"}


@pytest.mark.parametrize(
    ("video", "result"),
    [
        ("h264.mov", "portrait.mp4"),
        ("moving.gif", "h264.mp4"),
        ("pq10bit.mov", "ntsc.mp4"),
        ("variable.mkv", "surround.mp4"),
        ("late_sound.mkv", "odd.mkv"),
        ("turned", "vp9.webm"),
    ],
)
async def test_unlike_parts_are_matched(tmp_path: Path, tool: Ffmpeg, video: str, result: str) -> None:
    """Whatever size, rate, depth and audio the parts have, the film has the result's format and the length of both."""
    source = make_rotated(tmp_path, 90) if video == "turned" else make(tmp_path, video)
    new = make(tmp_path, result)
    before, after = await probe(tool, source), await probe(tool, new)
    film = await join(tool, SourceClip(source), before, new, added=after.seconds, kind=FILM, into=tmp_path / "film")
    assert film.clip.seconds == pytest.approx(before.seconds + after.seconds, abs=0.1)
    assert (film.clip.width, film.clip.height) == (after.width // 2 * 2, after.height // 2 * 2)
    assert film.clip.fps == pytest.approx(after.fps, abs=0.01)
    assert film.clip.audio == (before.audio or after.audio)
    assert (film.clip.pixel_format, film.clip.rotated) == ("yuv420p", False)


def make_beeping_clip(path: Path, seconds: float, *moments: float) -> Path:
    """Make a clip that beeps for a tenth of a second at each of the moments."""
    loud = "+".join(f"between(t,{moment},{moment + 0.1})" for moment in moments)
    sound = f"aevalsrc='sin(2*PI*800*t)*({loud})*0.8':s=44100:d={seconds}"
    picture = f"color=gray:s=64x64:r=25:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-c:a", "aac", path)
    return path


async def test_sound_stays_in_time_to_the_end(tmp_path: Path, tool: Ffmpeg) -> None:
    """Audio of the head, the tail and the extension is in sync within 20 ms."""
    source = make_beeping_clip(tmp_path / "video.mov", 18.2, 1.0, 3.0, 17.9)
    prepared = await prepare(tool, source, tmp_path / "fit")
    assert find_beeps(tmp_path / "fit") == pytest.approx([17.9 - prepared.head_seconds], abs=0.02)
    result = make_beeping_clip(tmp_path / "result.mp4", 19, 14.7, 18.5)
    kept = SourceClip(source, prepared.head_seconds)
    film = await join(tool, kept, prepared.clip, result, added=4, kind=FILM, into=tmp_path / "film")
    assert prepared.head_seconds == pytest.approx(3.2)
    assert find_beeps(film.path) == pytest.approx([1.0, 3.0, 17.9, 21.7], abs=0.02)
    part = await join(tool, kept, prepared.clip, result, added=4, kind=NEW_PART, into=tmp_path / "part")
    assert find_beeps(part.path) == pytest.approx([3.5], abs=0.02)


async def test_a_silent_head_stays_silent(tmp_path: Path, tool: Ffmpeg) -> None:
    """A head without audio gets silence, so that the result's audio begins where it should."""
    source = make_numbered(tmp_path / "video.mov", first=0, count=200)
    result = make_beeping_clip(tmp_path / "result.mp4", 17, 0.5, 16.5)
    prepared = await prepare(tool, source, tmp_path / "fit")
    kept = SourceClip(source, prepared.head_seconds)
    film = await join(tool, kept, prepared.clip, result, added=2, kind=FILM, into=tmp_path / "film")
    assert find_beeps(film.path) == pytest.approx([5.5, 21.5], abs=0.02)


async def test_a_film_is_made_to_fit(tmp_path: Path, tool: Ffmpeg) -> None:
    """A film over the limit is compressed below it, in full length and with its audio; no log file remains."""
    film = tmp_path / "film.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=4", "-f", "lavfi", "-i", "sine=d=4"]
    ffmpeg(*source, "-vf", "noise=alls=20:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", film)
    clip = await probe(tool, film)
    assert clip.size > 1_500_000
    small = await compress(tool, film, clip, max_bytes=400_000, into=tmp_path / "small")
    assert small is not None
    assert 250_000 < small.size <= 400_000
    assert small.seconds == pytest.approx(clip.seconds, abs=0.1)
    assert small.audio
    assert list_files(tmp_path) == {"film.mp4", "small"}


async def test_what_would_look_bad_is_not_made(tmp_path: Path, tool: Ffmpeg) -> None:
    """If the limit leaves too few bits for acceptable frames, there is no compressed film."""
    long = VideoInfo(
        seconds=600, width=1280, height=720, video_codec="h264", container="mp4", fps=30, audio=True, size=1
    )
    assert await compress(tool, tmp_path / "film", long, max_bytes=10_000_000, into=tmp_path / "small") is None
    assert list_files(tmp_path) == set()


async def test_folders_are_bounded_and_swept(tmp_path: Path) -> None:
    """Each task has a folder, which counts with its reservation or its size; folders of ended tasks go at start."""
    workspaces = Workspaces(tmp_path / "work", max_bytes=2500)
    assert await workspaces.remove_stale([]) == 0
    for task_id in (1, 2):
        folder = await workspaces.create(task_id, 1000)
        (folder / "clip").write_bytes(b"x" * 100)
        (folder / "clip.part").write_bytes(b"x" * 100)
    assert await workspaces.count_used_bytes() == 2 * (200 + len("1000"))
    assert await workspaces.free_bytes() == 500
    assert await workspaces.create(2, 1000) == workspaces.get_path(2)
    assert await workspaces.remove_stale([2, 77]) == 1
    assert list_files(tmp_path / "work") == {"2"}
    assert list_files(workspaces.get_path(2)) == {"clip", "reserved"}
    await workspaces.remove(2)
    await workspaces.remove(2)
    assert await workspaces.count_used_bytes() == 0
    (await workspaces.create(3, 1000) / "large").write_bytes(b"x" * 1600)
    assert await workspaces.free_bytes() == 2500 - 1600 - len("1000")
