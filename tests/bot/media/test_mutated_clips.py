"""A hundred mutated clips: each is prepared or refused with a sentence, in bounded time, without leftovers."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain.errors import TaskFailed
from bot.media import Ffmpeg, make_thumbnail, prepare, probe
from tests.support.media_clips import ffmpeg

EACH = 10
"""Mutants of each kind."""
SECONDS = 10
"""Time limit for one mutant, on a machine under load."""
_PICTURE = "-f lavfi -i testsrc2=s=64x48:r=10 -f lavfi -i sine=f=440:r=22050 -t 2.1 -ac 1"
_X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -threads 1"
KINDS = {
    "h264.mp4": f"{_PICTURE} {_X264} -c:a aac",
    "front.mp4": f"{_PICTURE} {_X264} -c:a aac -movflags +faststart",
    "parts.mp4": f"{_PICTURE} {_X264} -c:a aac -movflags frag_keyframe+empty_moov",
    "hevc.mov": f"{_PICTURE} -c:v libx265 -preset ultrafast -x265-params log-level=none -c:a pcm_s16le",
    "prores.mov": f"{_PICTURE} -c:v prores_ks -c:a pcm_s16le",
    "vp8.webm": f"{_PICTURE} -c:v libvpx -deadline realtime -c:a libopus",
    "av1.mkv": f"{_PICTURE} -c:v libsvtav1 -preset 12 -svtav1-params lp=1 -c:a aac",
    "mpeg4.avi": f"{_PICTURE} -c:v mpeg4 -bf 2 -c:a libmp3lame",
    "moving.gif": "-f lavfi -i testsrc2=s=64x48:r=10 -t 2.1",
    "stream.ts": f"{_PICTURE} {_X264} -c:a aac",
    "flash.flv": f"{_PICTURE} {_X264} -c:a aac",
}


@dataclass
class Counts:
    """What became of the mutants."""

    prepared: int = 0
    refused: list[str] = field(default_factory=list)
    """The sentences."""


def mutate(whole: bytes, dice: random.Random) -> bytes:
    """Change bytes (mostly near the beginning), remove or repeat a part, or cut off the end."""
    content = bytearray(whole)
    way = dice.choice(["some", "many", "head", "lost", "twice", "cut", "cut and some"])
    reach = 600 if way == "head" else len(content)
    for _ in range({"some": 3, "many": 300, "head": 8, "cut and some": 5}.get(way, 0)):
        content[dice.randrange(min(reach, len(content)))] = dice.choice([0, 0xFF, dice.randrange(256)])
    at, length = dice.randrange(len(content)), dice.randrange(1, 5000)
    if way == "lost":
        del content[at : at + length]
    elif way == "twice":
        content[at:at] = content[at : at + length]
    elif way.startswith("cut"):
        del content[at:]
    return bytes(content)


async def process(tool: Ffmpeg, path: Path, row: Counts) -> None:
    """Process the clip as the bot does."""
    into = path.with_suffix(".fit")
    try:
        async with asyncio.timeout(SECONDS):
            clip = await probe(tool, path)
            made = await prepare(tool, path, into)
            if row.prepared % 4 == 0:
                await make_thumbnail(tool, path, clip)
    except TaskFailed as refusal:
        row.refused.append(str(refusal.message))
    else:
        assert 1.9 < made.clip.seconds < 15.1
        row.prepared += 1
    into.unlink(missing_ok=True)
    path.unlink()


def list_children() -> list[str]:
    """List the child processes that still exist (Linux only)."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [pid for task in tasks for pid in task.read_text().split()]


@pytest.mark.parametrize("kind", KINDS)
async def test_damaged_clips_end_in_a_sentence(tmp_path: Path, kind: str) -> None:
    """However it is damaged, a clip of this kind is prepared or refused; no file and no process remains."""
    whole, work, before = tmp_path / kind, tmp_path / "work", list_children()
    ffmpeg(*KINDS[kind].split(), whole)
    work.mkdir()
    content, dice, row = whole.read_bytes(), random.Random(kind), Counts()  # noqa: S311 - for mutations
    mutants = enumerate([mutate(content, dice) for _ in range(EACH)])
    tool = Ffmpeg(threads=1, max_processes=2)

    async def process_next() -> None:
        for number, damaged in mutants:
            (work / str(number)).write_bytes(damaged)
            await process(tool, work / str(number), row)

    await asyncio.gather(process_next(), process_next())
    assert row.prepared + len(row.refused) == EACH
    assert row.refused
    for sentence in row.refused:
        assert 20 < len(sentence) < 250
        assert str(tmp_path) not in sentence
    assert list(work.iterdir()) == []
    assert set(list_children()) <= set(before)
