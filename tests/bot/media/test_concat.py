"""Lossless films: everything that can be copied is copied frame by frame, and the rest is encoded once."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser

from bot.domain.task import ResultKind
from bot.media import Ffmpeg, SourceClip, join, prepare, probe_details
from bot.media.errors import TookTooLong
from bot.media.ffmpeg.keyframes import PacketOrder, parse_packet_order
from bot.media.ffmpeg.process import Purpose
from bot.media.mp4.tracks import read_mp4
from tests.support.browser import CHROMIUM
from tests.support.marked_clips import build_frame_source, ffmpeg, read_numbers

AUDIO_ARGS = ("-f", "lavfi", "-i", "sine=f=440:r=48000")
X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-threads", "1")
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


@pytest.fixture
def tool() -> Ffmpeg:
    return Ffmpeg(threads=1)


def make_clip(path: Path, seconds: float, *codec: str, first: int = 0, size: str = "160x120") -> Path:
    """Make a clip with audio whose frames carry their numbers, from `first` on."""
    shown = f"{build_frame_source(size, '10')},trim=start_frame={first},setpts=PTS-STARTPTS"
    ffmpeg("-f", "lavfi", "-i", shown, *AUDIO_ARGS, "-t", str(seconds), *X264, *codec, *BT709, "-c:a", "aac", path)
    return path


def frame_checksums(path: Path) -> list[bytes]:
    """Return a checksum of each decoded frame."""
    listing = ffmpeg("-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-")
    return [line.rpartition(b",")[2] for line in listing.splitlines() if not line.startswith(b"#")]


HEADS = {
    "plain": ("-g", "20"),
    "with B-frames": ("-preset", "medium", "-bf", "3", "-g", "20"),
    "open groups": ("-preset", "medium", "-bf", "3", "-g", "20", "-x264-params", "open-gop=1"),
    "keyframes only": ("-g", "1"),
    "one keyframe": ("-g", "1000", "-sc_threshold", "0"),
}


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
async def test_head_and_result_are_copied(tmp_path: Path, tool: Ffmpeg, kind: str, suffix: str) -> None:
    """The head up to its last keyframe and all of FoxAPI's part are in the film bit for bit, once and in time."""
    source = make_clip(tmp_path / f"video.{suffix}", 20.3, *HEADS[kind])
    result = make_clip(tmp_path / "result.mp4", 18, "-preset", "ultrafast", "-g", "24", first=53)
    done = await prepare(tool, source, tmp_path / "fit")
    kept, into = SourceClip(source, done.head_seconds), tmp_path / "film"
    film = await join(tool, kept, done.clip, result, added=3, kind=ResultKind.FILM, into=into)
    shown, head, new = frame_checksums(film.path), frame_checksums(source), frame_checksums(result)
    copied = {"keyframes only": 53, "one keyframe": 0, "open groups": 20}.get(kind, 40)
    assert shown[:copied] == head[:copied]
    assert shown[53:] == new
    assert read_numbers(film.path) == list(range(53 + 180))
    seen = await probe_details(tool, film.path)
    assert seen.video.timestamps == pytest.approx([number / 10 for number in range(233)], abs=0.001)
    assert seen.sound is not None
    assert seen.sound.end == pytest.approx(23.3, abs=0.03)
    (video,) = read_mp4(film.path).find_tracks(b"vide")
    assert len(video.entries) == 1
    assert not list(tmp_path.glob("*.part"))


async def test_a_chain_keeps_its_first_seconds(tmp_path: Path, tool: Ffmpeg) -> None:
    """After five extensions the first frames are still those of the member's video, bit for bit."""
    first = video = make_clip(tmp_path / "video.mov", 20, "-g", "20")
    for part in range(5):
        done = await prepare(tool, video, tmp_path / "fit")
        # FoxAPI re-encodes its input and appends to it.
        result, start = tmp_path / f"result{part}.mp4", round(10 * done.head_seconds)
        make_clip(result, 18, "-preset", "ultrafast", "-g", "24", first=start)
        into, kept = tmp_path / f"film{part}.mp4", SourceClip(video, done.head_seconds)
        await join(tool, kept, done.clip, result, added=3, kind=ResultKind.FILM, into=into)
        video = into
    assert frame_checksums(video)[:40] == frame_checksums(first)[:40]
    assert read_numbers(video) == list(range(350))


async def test_a_head_of_another_size_is_encoded_and_the_result_copied(tmp_path: Path, tool: Ffmpeg) -> None:
    """If the sizes differ, FoxAPI's part is copied bit for bit after a head in its size."""
    source = make_clip(tmp_path / "video.mp4", 5, size="320x240")
    result = make_clip(tmp_path / "result.mp4", 3, first=50)
    seen, into = await probe_details(tool, source), tmp_path / "film"
    film = await join(tool, SourceClip(source), seen.clip, result, added=3, kind=ResultKind.FILM, into=into)
    assert frame_checksums(film.path)[50:] == frame_checksums(result)
    assert (film.clip.width, film.clip.height, read_numbers(film.path)) == (160, 120, list(range(80)))


@pytest.mark.parametrize("codec", [("libx265", "yuv420p"), ("libx264", "yuv444p"), ("libx264", "yuv420p10le")])
@pytest.mark.parametrize("kind", list(ResultKind))
async def test_results_are_made_playable(
    tmp_path: Path, tool: Ffmpeg, codec: tuple[str, str], kind: ResultKind
) -> None:
    """A result in a codec or bit depth that many players lack is encoded as 8-bit 4:2:0 H.264."""
    name, pixels = codec
    log = ("-x265-params", "log-level=none") if name == "libx265" else ()
    result = make_clip(tmp_path / "result.mp4", 5, "-c:v", name, "-pix_fmt", pixels, *log)
    source = make_clip(tmp_path / "clip.mp4", 3)
    submitted = (await probe_details(tool, source)).clip
    film = await join(tool, SourceClip(source), submitted, result, added=2, kind=kind, into=tmp_path / "film")
    assert (film.clip.video_codec, film.clip.pixel_format) == ("h264", "yuv420p")
    assert film.clip.seconds == pytest.approx(5 if kind is ResultKind.FILM else 2, abs=0.05)


async def test_what_cannot_be_copied_is_encoded_once_to_fit(tmp_path: Path, tool: Ffmpeg) -> None:
    """A film that has to be encoded is encoded straight to the reply's limit, not twice."""
    noise = ("-vf", "noise=alls=40:allf=t", "-preset", "ultrafast", "-crf", "10", "-r", "30", "-pix_fmt", "yuv444p")
    source = make_clip(tmp_path / "video.mp4", 4, *noise)
    result = make_clip(tmp_path / "result.mp4", 4, *noise)
    seen, into, limit = await probe_details(tool, source), tmp_path / "film", 600_000
    assert seen.clip.size > limit
    film = await join(
        tool, SourceClip(source), seen.clip, result, added=4, kind=ResultKind.FILM, into=into, max_bytes=limit
    )
    assert limit / 3 < film.clip.size <= limit
    assert film.clip.seconds == pytest.approx(8, abs=0.05)


def test_a_copy_ends_before_a_closed_group() -> None:
    """A copy cannot end before a keyframe if later frames are shown before that keyframe."""
    closed = PacketOrder((0, 2, 1, 3, 5, 4), frozenset({0, 3}))
    opened = PacketOrder((0, 2, 1, 5, 3, 4), frozenset({0, 3}))
    assert [closed.find_last_cut_before(most) for most in range(7)] == [0, 0, 0, 3, 3, 3, 3]
    assert [opened.find_last_cut_before(most) for most in range(7)] == [0] * 7
    assert (closed.delay, opened.delay, PacketOrder((), frozenset()).delay) == (1, 1, 0)
    assert parse_packet_order(b"#tb 0: 1/10\n0, x, y\n0, 0, 0, 1, 9, 0x1\n0, 1, 1, 1, 9, 0x2, F=0x0\n") == PacketOrder(
        (0, 1), frozenset({0})
    )


@pytest_asyncio.fixture
async def joined_film(tmp_path: Path, tool: Ffmpeg) -> Path:
    source = make_clip(tmp_path / "video.mp4", 20.3, "-preset", "medium", "-bf", "3", "-g", "20")
    result = make_clip(tmp_path / "result.mp4", 18, "-preset", "ultrafast", "-g", "24", first=53)
    done = await prepare(tool, source, tmp_path / "fit")
    kept, into = SourceClip(source, done.head_seconds), tmp_path / "film.mp4"
    return (await join(tool, kept, done.clip, result, added=3, kind=ResultKind.FILM, into=into)).path


_PLAY = """async (cut) => {
    const video = document.querySelector("video");
    const waitFor = name => new Promise(done => video.addEventListener(name, done, {once: true}));
    if (video.readyState < 2) await waitFor("loadeddata");
    for (const at of [cut - 0.1, cut + 0.1, cut + 2, video.duration - 0.2, 0]) {
        const there = waitFor("seeked");
        video.currentTime = at;
        await there;
    }
    video.playbackRate = 8;
    const end = waitFor("ended");
    await video.play();
    await end;
    video.loop = true;
    await video.play();
    await waitFor("seeked");
    return {seconds: video.duration, error: video.error && video.error.message,
            corrupted: video.getVideoPlaybackQuality().corruptedVideoFrames};
}"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH")
async def test_a_joined_film_plays_in_a_browser(joined_film: Path, browser: Browser) -> None:
    """Chromium plays the film to its end across the cuts, seeks to both sides of them, and loops."""
    app = web.Application()
    app.router.add_static("/films", joined_film.parent)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with await browser.new_page() as page:
            await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/films/{joined_film.name}")
            played = await page.evaluate(_PLAY, 5.3)
    finally:
        await runner.cleanup()
    assert played == {"seconds": pytest.approx(23.3, abs=0.01), "error": None, "corrupted": 0}


async def test_a_film_that_takes_too_long_is_given_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a part reaches the time limit, the whole film is not encoded instead, because that would take even longer."""
    joins: list[Purpose] = []
    tool = Ffmpeg(threads=1, on_run=lambda purpose, _: joins.append(purpose))
    source = make_clip(tmp_path / "video.mp4", 20.3, "-g", "1000", "-sc_threshold", "0")
    result = make_clip(tmp_path / "result.mp4", 18, "-preset", "ultrafast", "-g", "24", first=53)
    done = await prepare(tool, source, tmp_path / "fit")
    monkeypatch.setattr("bot.media.concat._TIMEOUT", 0.0)
    kept, into = SourceClip(source, done.head_seconds), tmp_path / "film"
    joins.clear()
    with pytest.raises(TookTooLong):
        await join(tool, kept, done.clip, result, added=3, kind=ResultKind.FILM, into=into)
    assert joins.count(Purpose.JOIN) == 2  # the list of the frames, and the part that was given up
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fit", "result.mp4", "video.mp4"]
