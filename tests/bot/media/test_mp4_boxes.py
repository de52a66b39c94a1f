"""Our own MP4 parser agrees with ffmpeg on valid files and raises only InvalidMp4 on invalid ones."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from bot.media.errors import InvalidMp4
from bot.media.mp4.tracks import read_mp4
from tests.bot.media.test_mutated_clips import mutate
from tests.support.media_clips import ffmpeg
from tests.support.odd_clips import PLAIN


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("boxes") / "plain.mp4"
    ffmpeg(*PLAIN.split(), path)
    return path


def test_it_reads_what_was_written(plain: Path) -> None:
    """Lengths, frame counts and the end of the last sample match the file."""
    mp4 = read_mp4(plain)
    (video,), (sound,) = mp4.find_tracks(b"vide"), mp4.find_tracks(b"soun")
    assert (mp4.brand, mp4.seconds, mp4.fragmented, mp4.cut_off) == ("isom", 4.0, False, False)
    assert (video.enabled, video.upright, video.encrypted) == (True, True, False)
    assert (video.header_seconds, video.media_seconds, video.samples.seconds) == (4.0, 4.0, 4.0)
    assert (video.samples.count, [entry.kind for entry in video.entries]) == (120, [b"avc1"])
    assert sound.samples.seconds == pytest.approx(4, abs=0.05)
    assert max(video.samples.ends_at, sound.samples.ends_at) == plain.read_bytes().find(b"moov") - 4


def test_a_missing_byte_of_the_last_sample_is_detected(plain: Path, tmp_path: Path) -> None:
    """If the index is at the beginning, one missing byte of the last sample is detected."""
    whole, cut = tmp_path / "front.mp4", tmp_path / "cut.mp4"
    ffmpeg("-i", plain, "-c", "copy", "-movflags", "+faststart", whole)
    content = whole.read_bytes()
    assert not read_mp4(whole).cut_off
    at = content.find(b"mdat") - 4
    cut.write_bytes(content[:at] + struct.pack(">I", len(content) - at - 1) + content[at + 4 : -1])
    assert read_mp4(cut).cut_off


@pytest.mark.parametrize("options", ["", "-movflags +faststart", "-movflags frag_keyframe+empty_moov"])
def test_damaged_boxes_raise_only_invalid_mp4(plain: Path, tmp_path: Path, options: str) -> None:
    """Each of 400 damaged files is parsed or raises InvalidMp4, and nothing else."""
    source, damaged = tmp_path / "source.mp4", tmp_path / "damaged.mp4"
    ffmpeg("-i", plain, "-c", "copy", *options.split(), source)
    content, dice, bad = source.read_bytes(), random.Random(options), 0  # noqa: S311 - for mutations
    index = content.find(b"moov")
    for number in range(400):
        damaged.write_bytes(_spoil(content, index, dice) if number % 2 else mutate(content, dice))
        try:
            read_mp4(damaged)
        except InvalidMp4:
            bad += 1
    assert bad > 100


def _spoil(content: bytes, index: int, dice: random.Random) -> bytes:
    """Change some bytes of the index."""
    changed = bytearray(content)
    for _ in range(dice.randrange(1, 6)):
        changed[dice.randrange(index, min(len(changed), index + 3000))] = dice.choice([0, 1, 0x7F, 0xFF])
    return bytes(changed)
