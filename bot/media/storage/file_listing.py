"""Lists files in folders that other tasks and processes change at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG


def list_files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield every regular file below `folder` with its status.

    Files and folders that are removed meanwhile, `folder` itself included, are left out. Raises OSError otherwise.
    """
    for parent, _, names in os.walk(folder, onerror=_raise_unless_removed):
        for name in names:
            path = Path(parent, name)
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            if S_ISREG(status.st_mode):
                yield path, status


def measure_folder(folder: Path) -> int:
    """Return the size of all files below `folder` in bytes; 0 if it does not exist. Raises OSError."""
    return sum(status.st_size for _, status in list_files(folder))


def _raise_unless_removed(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
