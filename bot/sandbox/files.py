"""Writing what arrives bit by bit, so that whoever writes may be cancelled at any moment."""

from __future__ import annotations

from pathlib import Path


def append(path: Path, part: bytes) -> None:
    """Write on at the file's end, made if it is not there (blocking). It is open no longer than that."""
    with path.open("ab") as file:
        file.write(part)
