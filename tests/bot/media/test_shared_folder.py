"""Two processes write the same files of a task in a shared folder: one does not know that it has lost the task."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from bot.media import Ffmpeg, Workspaces, prepare, probe, probe_with_thumbnail
from bot.media.download import Downloader
from tests.support.clips import Clips
from tests.support.media_site import BODY, Phonebook, open_site


async def test_two_downloads_of_one_file(tmp_path: Path) -> None:
    """Both arrive complete, the file is whole, and nothing else is left."""
    into = tmp_path / "clip"
    async with open_site() as site:
        trusted = frozenset({f"127.0.0.1:{site.port}"})
        async with Downloader(trusted=trusted, max_bytes=len(BODY), resolver=Phonebook({})) as downloader:
            sizes = await asyncio.gather(*(downloader.fetch(site.url("chunked"), into) for _ in range(4)))
    assert sizes == [len(BODY)] * 4
    assert into.read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [into]


async def test_two_conversions_and_stills_of_one_clip(tmp_path: Path, clips: Clips) -> None:
    """Both succeed, the file and the still are whole, and nothing else is left."""
    ffmpeg, fit, still = Ffmpeg(threads=1), tmp_path / "fit.mp4", tmp_path / "still.jpg"
    source = clips.make("shared.mkv", 3, "-vf", "scale=64:36", "-r", "5", "-c:v", "mpeg4")
    await asyncio.gather(*(probe_with_thumbnail(ffmpeg, source, still) for _ in range(2)))
    await asyncio.gather(*(prepare(ffmpeg, source, fit) for _ in range(2)))
    assert (await probe(ffmpeg, fit)).seconds > 2.5
    assert still.read_bytes()[:2] == b"\xff\xd8"
    assert {each.name for each in tmp_path.iterdir()} == {"fit.mp4", "still.jpg"}


async def test_a_temporary_folder_that_a_crash_left(tmp_path: Path) -> None:
    """A temporary folder counts with its real size, is removed after use, and is swept an hour after a crash."""
    workspaces = Workspaces(tmp_path / "tasks", max_bytes=10_000_000_000)
    async with workspaces.open_temporary() as folder:
        (folder / "film.mp4").write_bytes(b"x" * 1000)
        assert await workspaces.free_bytes() == 10_000_000_000 - 1000
    assert not folder.exists()
    folder.mkdir()
    await workspaces.remove_old_temporary()
    assert folder.exists()
    os.utime(folder, (1, 1))
    await workspaces.remove_old_temporary()
    assert not folder.exists()
