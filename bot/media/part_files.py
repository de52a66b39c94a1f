"""Names for files and folders that are still being written."""

from __future__ import annotations

import secrets
from pathlib import Path

SUFFIX = ".part"


def make_part_path(into: Path) -> Path:
    """Return a name beside `into` for what is still being written, and then renamed to `into`.

    The name is different each time: several processes may share a folder, and a process that has lost a task may still
    be writing while the next one works on it.
    """
    return into.with_name(f"{into.name}.{secrets.token_hex(6)}{SUFFIX}")
