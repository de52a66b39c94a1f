"""Tells the files that may be videos by their names; what is in them is decided by probing."""

from __future__ import annotations

import re

_NAME = re.compile(r"\.(?:mp4|m4v|mov|webm|mkv|gif|avi)$", re.IGNORECASE)


def is_video_name(path: str) -> bool:
    """Whether this file name, or path of a URL, has the suffix of a video."""
    return bool(_NAME.search(path))
