"""Folders are measured while other tasks remove files from them."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.media.storage.file_listing import list_files, measure_folder


def _fill(root: Path) -> None:
    for task in ("1", "2", "3"):
        (root / task / "deep").mkdir(parents=True)
        (root / task / "clip").write_bytes(b"x" * 10)
        (root / task / "deep" / "still").write_bytes(b"x" * 5)


def test_a_folder_is_measured_with_all_that_is_below_it(tmp_path: Path) -> None:
    """The size of a folder is that of its regular files, without links; a missing folder has the size 0."""
    _fill(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "1" / "clip")

    assert measure_folder(tmp_path) == 45
    assert measure_folder(tmp_path / "missing") == 0


def test_a_folder_that_is_removed_while_it_is_listed_is_left_out(tmp_path: Path) -> None:
    """Listing goes on without an error when the folders that it has yet to read are removed after any file."""
    for read in range(6):
        _fill(tmp_path / str(read))
        listing = list_files(tmp_path / str(read))
        before = [next(listing) for _ in range(read)]
        shutil.rmtree(tmp_path / str(read))

        assert len(before) + len(list(listing)) == read
