"""Clips that crash the process that works on them: the ffmpeg program kills the process that started it."""

from __future__ import annotations

import stat
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]
import pytest

from bot.domain.task import TaskState
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.faults import Hold
from tests.resilience.test_unexpected_errors import read_column
from tests.support.clips import Clips
from tests.support.crash_points import CLIP, until, within
from tests.support.fast_timeouts import DONE, FAILED, UPLOAD, assert_told, tiny, unfit
from tests.support.harness import Harness


@pytest.fixture
def clip(clips: Clips) -> Path:
    return tiny(clips)


def make_killing_ffmpeg(folder: Path, for_files: str) -> Path:
    """Make an ffmpeg that kills its parent process for these files, as running out of memory would."""
    program = folder / "ffmpeg"
    real = imageio_ffmpeg.get_ffmpeg_exe()
    program.write_text(f'#!/bin/sh\ncase "$*" in *{for_files}*) kill -9 $PPID;; esac\nexec "{real}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return program


async def start_and_wait(stage: Harness, process: BotProcess) -> None:
    """Start the process and wait until it accepts commands."""
    await process.start()
    await until(lambda: stage.discord.world.online)
    await stage.discord.faults.wait("PUT", r"/commands$")


async def test_a_clip_that_crashes_the_process_is_given_up(
    stage: Harness, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After four crashes the clip's task fails unpaid; a task prepared at the same time gets its film."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(make_killing_ffmpeg(stage.folder, "/tasks/1/")))
    first, bens = Hold(), Hold()
    async with stage.process(MAX_RUNNING="2") as process:
        await start_and_wait(stage, process)
        stage.discord.faults.add("GET", CLIP, first)
        anas_reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(first.reached)
        stage.discord.faults.add("GET", CLIP, bens)
        bens_reply = await stage.extend(stage.ben, clip, seconds=2)
        await within(bens.reached)
        first.release.set()
        await process.wait()
        assert [read_column(stage, "state", each) for each in (1, 2)] == ["preparing"] * 2
        bens.release.set()
        crashes = 1
        while True:
            await process.start()
            await until(lambda: not process.running or read_column(stage, "told") == 1)
            if process.running:
                break
            crashes += 1
        assert crashes == 4
        await stage.until(stage.ana, anas_reply, FAILED)
        await stage.until(stage.ben, bens_reply, DONE)
    assert len(stage.fox.payments) == 1
    assert read_column(stage, "billed") == "no"


async def test_clean_stops_are_not_crashes(stage: Harness, clip: Path) -> None:
    """Clean stops are not counted as crashes: a task interrupted six times is delivered by the seventh run."""
    async with stage.process() as process:
        await start_and_wait(stage, process)
        holds = [Hold() for _ in range(6)]
        stage.discord.faults.add("GET", CLIP, holds[0])
        reply = await stage.extend(stage.ana, clip, seconds=2)
        for at, hold in enumerate(holds):
            await within(hold.reached)
            await process.stop()
            assert (read_column(stage, "state"), read_column(stage, "crashes")) == ("preparing", 0)
            if at + 1 < len(holds):
                stage.discord.faults.add("GET", CLIP, holds[at + 1])
            await process.start()
            hold.release.set()
        await stage.until(stage.ana, reply, DONE)
    assert len(stage.fox.payments) == 1


async def test_kills_during_an_upload_are_not_blamed_on_the_clip(stage: Harness, clips: Clips) -> None:
    """A process that is killed while it waits for FoxAPI's upload has prepared the clip: five kills do not end it."""
    async with stage.process() as process:
        await start_and_wait(stage, process)
        holds = [Hold() for _ in range(5)]
        for hold in holds:
            stage.fox.faults.add("POST", UPLOAD, hold)
        reply = await stage.extend(stage.ana, unfit(clips), seconds=2)
        for hold in holds:
            await within(hold.reached)
            await process.kill()
            assert (read_column(stage, "state"), read_column(stage, "crashes")) == ("preparing", 0)
            hold.release.set()
            await process.start()
        await stage.until(stage.ana, reply, DONE)
    assert len(stage.fox.payments) == 1


async def test_a_film_that_crashes_the_process_is_delivered_unprocessed(
    stage: Harness, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two crashes the result is delivered unprocessed, once."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(make_killing_ffmpeg(stage.folder, "/tasks/1/film")))
    async with stage.process() as process:
        await start_and_wait(stage, process)
        reply = await stage.extend(stage.ana, clip, seconds=2, result="new part")
        await process.wait()
        await process.start()
        await process.wait()
        assert read_column(stage, "state") == TaskState.READY
        await process.start()
        await stage.until(stage.ana, reply, DONE)
        assert process.running
    await assert_told(stage, reply, DONE, paid=1)
