"""Appends to a file in a way that is safe when the caller is cancelled."""

from __future__ import annotations

from pathlib import Path


def append(path: Path, part: bytes) -> None:
    """Append to the file, creating it if needed (blocking). The file is closed again afterwards."""
    with path.open("ab") as file:
        file.write(part)
