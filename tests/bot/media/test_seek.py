"""Files in which a seek or the header's frame rate is misleading."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from bot.domain.task import ResultKind
from bot.media import Ffmpeg, SourceClip, join, prepare
from tests.support.marked_clips import build_beep_source, build_frame_source, ffmpeg, read_numbers

RATE = 10
SOURCE = (
    "-f",
    "lavfi",
    "-i",
    build_frame_source("160x120", str(RATE)),
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-threads",
    "1",
)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv", "ts"])
async def test_the_cut_is_exact_far_from_a_keyframe(tmp_path: Path, suffix: str) -> None:
    """If the next keyframe is long after the cut, no frame before it is lost."""
    source = tmp_path / f"video.{suffix}"
    ffmpeg(*SOURCE, "-t", "20.3", "-g", "100", "-sc_threshold", "0", source)
    done = await prepare(Ffmpeg(threads=1), source, tmp_path / "fit")
    assert done.head_seconds == pytest.approx(5.3)
    assert read_numbers(tmp_path / "fit") == list(range(53, 203))


async def test_one_long_frame_does_not_change_the_rate(tmp_path: Path) -> None:
    """A file whose average rate is distorted by one long frame keeps the rate of all other frames."""
    source = tmp_path / "video.mp4"
    late = build_frame_source("160x120", "30") + ",settb=1/90000,setpts='(N+0.7*gt(N,0))/30/TB'"
    ffmpeg("-f", "lavfi", "-i", late, "-t", "17", "-c:v", "libx264", "-preset", "ultrafast", "-fps_mode", "vfr", source)
    done = await prepare(Ffmpeg(threads=1), source, tmp_path / "fit")
    assert done.clip.fps == pytest.approx(30, abs=0.001)
    shown = read_numbers(tmp_path / "fit")
    assert [later - earlier for earlier, later in pairwise(shown)] == [1] * (len(shown) - 1)


@pytest.mark.parametrize("begins", [0.4, -0.4])
async def test_a_transport_stream_keeps_its_times_in_every_run(tmp_path: Path, begins: float) -> None:
    """Whether its pictures or its sound begin first, an MPEG-TS is cut at the same frame for FoxAPI and for the film.

    ffmpeg begins a transport stream's timeline with the first packet of the tracks that a run uses.
    """
    source, tool = tmp_path / "video.ts", Ffmpeg(threads=1)
    picture = ("-f", "lavfi", "-itsoffset", str(max(begins, 0)), "-i", build_frame_source("160x120", "10"))
    sound = ("-f", "lavfi", "-itsoffset", str(max(-begins, 0)), "-i", build_beep_source())
    ffmpeg(*picture, *sound, "-t", "20", *SOURCE[4:], "-g", "20", "-c:a", "aac", source)
    whole = read_numbers(source)
    done = await prepare(tool, source, tmp_path / "fit.mp4")
    submitted = read_numbers(tmp_path / "fit.mp4")
    head = SourceClip(source, done.head_seconds)

    made = await join(
        tool,
        head,
        done.clip.model_copy(update={"seconds": done.clip.seconds - 3}),
        tmp_path / "fit.mp4",
        added=3,
        kind=ResultKind.FILM,
        into=tmp_path / "film.mp4",
    )

    held = [whole[0]] * round(RATE * max(begins, 0))  # the first picture is shown from the start of the sound on
    assert read_numbers(made.path) == held + whole
    assert submitted == whole[-len(submitted) :]
