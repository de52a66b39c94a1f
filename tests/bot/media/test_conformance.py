"""Clips that a strict reader might refuse are remuxed, converted, or refused before anything is paid."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from bot.domain.task import ResultKind
from bot.media import (
    Ffmpeg,
    SourceClip,
    UnusableVideo,
    find_problems,
    join,
    prepare,
    probe_details,
    probe_with_thumbnail,
)
from tests.support.field_coded import make_field_coded
from tests.support.media_clips import compute_shade, ffmpeg, find_beeps, make_numbered, read_shades
from tests.support.odd_clips import ODD, PLAIN, disable_first_track, make_odd


@pytest.fixture
def tool() -> Ffmpeg:
    return Ffmpeg(threads=1)


def frame_checksums(path: Path) -> bytes:
    """Return the decoded frames, as checksums."""
    listing = ffmpeg("-i", path, "-map", "0:V:0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
    return b"\n".join(line.rpartition(b",")[2] for line in listing.splitlines() if not line.startswith(b"#"))


async def test_a_plain_clip_has_no_problems(tmp_path: Path, tool: Ffmpeg) -> None:
    """An ordinary MP4 has no problems, so the checks do not simply refuse everything."""
    for name, args in {"whole": PLAIN, "mute": f"{PLAIN} -an", "fifteen": PLAIN.replace("-t 4", "-t 15")}.items():
        plain = tmp_path / f"{name}.mp4"
        ffmpeg(*args.split(), plain)
        assert await find_problems(tool, plain, await probe_details(tool, plain)) == []


@pytest.mark.parametrize("name", ODD)
async def test_nonconforming_clips_are_fixed_or_refused_for_free(tmp_path: Path, tool: Ffmpeg, name: str) -> None:
    """Each odd clip has a problem; the prepared clip has none, with its frames unchanged if possible."""
    odd, source, fit = ODD[name], make_odd(tmp_path, name), tmp_path / "fit"
    seen = await probe_details(tool, source)
    assert await find_problems(tool, source, seen) != []
    if odd.refused:
        with pytest.raises(UnusableVideo, match=odd.refused):
            await prepare(tool, source, fit)
        assert not fit.exists()
        return
    done = await prepare(tool, source, fit)
    made = await probe_details(tool, fit)
    assert await find_problems(tool, fit, made) == []
    assert (done.clip.width, done.clip.height, done.clip.audio) == (*odd.size, odd.sound)
    assert 2.0 <= done.clip.seconds <= 15.0
    assert done.clip.seconds == pytest.approx(odd.seconds, abs=0.04)
    assert (frame_checksums(source) == frame_checksums(fit)) == odd.remuxed
    assert ("without its sound" in str(done.note)) == (not odd.sound)
    assert {path.name for path in tmp_path.iterdir()} == {name, "plain.mp4", "fit"}


async def test_interlaced_video_is_deinterlaced(tmp_path: Path, tool: Ffmpeg) -> None:
    """Two fields are not woven into one frame: odd and even lines are as alike as in a still image."""
    moving = "-f lavfi -i color=black:s=160x120:r=50,format=gray,geq=lum=255*lt(mod(X-N*8\\,40)\\,20)"
    woven = f"{moving} -t 3 -vf tinterlace=interleave_top -c:v libx264 -flags +ilme+ildct -pix_fmt yuv420p"
    ffmpeg(*woven.split(), tmp_path / "woven.mov")
    done = await prepare(tool, tmp_path / "woven.mov", tmp_path / "fit")
    assert done.clip.fps == pytest.approx(25)
    assert measure_combing(tmp_path / "woven.mov") > 3 * measure_combing(tmp_path / "fit")


@pytest.mark.parametrize("name", ["paff.mts", "paff.mp4", "paff.mkv", "paff.mov", "long.mp4"])
async def test_field_coded_video_keeps_its_rate(tmp_path: Path, tool: Ffmpeg, name: str) -> None:
    """Two fields that are coded separately, as by AVCHD camcorders, are one frame: never untouched, nor doubled."""
    seconds = 16 if name == "long.mp4" else 4
    make_field_coded(tmp_path / name, seconds)
    source = await probe_details(tool, tmp_path / name, decode_up_to=15)
    assert source.header.interlaced
    assert source.clip.fps == pytest.approx(25, abs=0.1)
    assert len(source.video.timestamps) == 25 * seconds
    assert "interlaced" in await find_problems(tool, tmp_path / name, source)
    done = await prepare(tool, tmp_path / name, tmp_path / "fit")
    assert done.clip.fps == pytest.approx(25)
    assert done.clip.seconds == pytest.approx(min(seconds, 15), abs=0.1)
    shown = frame_checksums(tmp_path / "fit").splitlines()
    assert len(set(shown)) > 0.96 * len(shown), "each frame is shown once"


def measure_combing(path: Path) -> int:
    """Return how much neighboring lines differ, summed over some frames."""
    width, height = 160, 120
    raw = ffmpeg("-i", path, "-frames:v", "20", "-pix_fmt", "gray", "-f", "rawvideo", "-")
    lines = [raw[at : at + width] for at in range(0, len(raw), width)]
    return sum(
        abs(a - b)
        for number, line in enumerate(lines[:-1])
        if (number + 1) % height
        for a, b in zip(line, lines[number + 1], strict=True)
    )


async def test_video_that_begins_late_stays_in_sync(tmp_path: Path, tool: Ffmpeg) -> None:
    """If the video begins a second after the audio, all of the audio is kept, in sync."""
    loud = "sin(1900*t)*(between(t\\,0.3\\,0.4)+between(t\\,3\\,3.1))"
    beep = f"-f lavfi -i aevalsrc={loud}:s=48000:d=4"
    both = f"{beep} -itsoffset 1 -f lavfi -i testsrc2=s=64x64:r=30:d=3 -c:v libx264 -c:a aac"
    ffmpeg(*both.split(), tmp_path / "late.mov")
    done = await prepare(tool, tmp_path / "late.mov", tmp_path / "fit")
    assert done.clip.seconds == pytest.approx(4, abs=0.05)
    assert find_beeps(tmp_path / "fit") == pytest.approx([0.3, 3.0], abs=0.03)


async def test_the_video_track_that_players_show_is_prepared(tmp_path: Path, tool: Ffmpeg) -> None:
    """If the first of two video tracks is disabled, the second one is described, shown, prepared and joined."""
    plain, both = tmp_path / "plain.mp4", tmp_path / "both.mp4"
    ffmpeg(*PLAIN.split(), plain)
    second = make_numbered(tmp_path / "second.mp4", first=0, count=120)
    ffmpeg("-i", plain, "-i", second, "-map", "0", "-map", "1", "-c", "copy", both)
    both.write_bytes(disable_first_track(both.read_bytes()))
    seen = await probe_with_thumbnail(tool, both, tmp_path / "still.jpg")
    shown = (await probe_details(tool, second)).clip
    assert (seen.clip.width, seen.clip.height) == (shown.width, shown.height)
    ffmpeg("-sseof", "-1", "-i", second, "-frames:v", "1", tmp_path / "right.png")
    assert abs(read_mean(tmp_path / "still.jpg") - read_mean(tmp_path / "right.png")) < 6
    await prepare(tool, both, tmp_path / "fit")
    assert frame_checksums(tmp_path / "fit") == frame_checksums(second)
    kept, into = SourceClip(both), tmp_path / "film"
    film = await join(tool, kept, shown, plain, added=4, kind=ResultKind.FILM, into=into)
    assert read_shades(film.path)[1:360:3] == pytest.approx([compute_shade(number) for number in range(120)], abs=8)


def read_mean(picture: Path) -> float:
    """Return the mean brightness of a picture."""
    raw = ffmpeg("-i", picture, "-vf", "scale=32:32", "-pix_fmt", "gray", "-f", "rawvideo", "-")
    return sum(raw) / len(raw)


async def test_an_avi_with_dropped_frames_stays_in_sync(tmp_path: Path, tool: Ffmpeg) -> None:
    """A recorder that dropped frames for two seconds: the film is as long as its sound, and in step with it."""
    loud = "sin(1900*t)*(between(t\\,1\\,1.1)+between(t\\,5\\,5.1))"
    flash = "drawbox=c=white:t=fill:enable='between(t,1,1.1)+between(t,5,5.1)'"
    gap = f"{flash},select='not(between(t,2,4))'"
    beep = f"-f lavfi -i aevalsrc={loud}:s=48000:d=6 -f lavfi -i color=s=64x64:r=25:d=6"
    ffmpeg(*beep.split(), "-vf", gap, "-fps_mode", "vfr", "-c:v", "mpeg4", "-c:a", "mp3", tmp_path / "gap.avi")
    done = await prepare(tool, tmp_path / "gap.avi", tmp_path / "fit")
    assert done.clip.seconds == pytest.approx(6, abs=0.1)
    shades = read_shades(tmp_path / "fit")
    bright = [at / 25 for at, shade in enumerate(shades) if shade > 200 and shades[at - 1] <= 200]
    assert find_beeps(tmp_path / "fit") == pytest.approx(bright, abs=0.06)
    assert bright == pytest.approx([1, 5], abs=0.06)


def make_gif(path: Path, delays: list[int]) -> Path:
    """Make a GIF with these delays in hundredths of a second."""
    ffmpeg("-i", make_numbered(path.with_suffix(".mp4"), first=0, count=len(delays)), path)
    content, at = bytearray(path.read_bytes()), 0
    for delay in delays:
        at = content.index(b"\x21\xf9\x04", at) + 4
        content[at : at + 2] = delay.to_bytes(2, "little")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("delays", "seconds"),
    [([1] * 40, 4.0), ([0] * 40, 4.0), ([100, 200, 300], 6.0), ([1, 20, 0, 30, 100, 200], 3.7), ([2] * 120, 2.4)],
)
async def test_gifs_run_as_browsers_show_them(tmp_path: Path, tool: Ffmpeg, delays: list[int], seconds: float) -> None:
    """Each frame of a GIF lasts as long as it says; delays of 0 and 1 hundredths last a tenth of a second."""
    source = make_gif(tmp_path / "loop.gif", delays)
    done = await prepare(tool, source, tmp_path / "fit")
    assert done.clip.seconds == pytest.approx(seconds, abs=0.06)
    shown = [value for value, _ in groupby(read_shades(tmp_path / "fit"))]
    assert shown == pytest.approx([compute_shade(number) for number in range(len(delays))], abs=6)


async def test_a_longer_second_audio_track_is_not_truncation(tmp_path: Path, tool: Ffmpeg) -> None:
    """Subtitles and audio that outlast the video do not make a Matroska file incomplete; a truncated file is."""
    make_odd(tmp_path, "second_sound.mp4")
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:20,000\nhello\n")
    long = tmp_path / "long.mkv"
    ffmpeg(
        "-i", tmp_path / "second_sound.mp4", "-i", tmp_path / "words.srt", "-map", "0", "-map", "1", "-c", "copy", long
    )
    assert (await probe_details(tool, long)).clip.seconds == pytest.approx(4, abs=0.05)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(long.read_bytes()[: long.stat().st_size // 2])
    with pytest.raises(UnusableVideo, match="cut off"):
        await probe_details(tool, cut)
