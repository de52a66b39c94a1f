"""Deviations of one task from the normal course, each observed or documented at the real FoxAPI."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["documented", "strings", "output.url", "output.urls"]


@dataclass(frozen=True, slots=True)
class Failure:
    """The task fails with this error at `at` percent of progress (0: before rendering)."""

    code: str
    message: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """The task pauses at `at` percent: `reached` is set there, and rendering continues once `release` is set."""

    at: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """One task's deviations. The defaults are the documented course with the joined video as the result."""

    joined: bool = True
    """False: the result contains only the new part, as FoxAPI's own page says."""
    failure: Failure | None = None
    ends_cancelled: bool = False
    """End with the status `cancelled`, which older pages document, instead of rendering."""
    withheld: int | None = 0
    """Number of `completed` responses without results before the link appears; None: it never appears."""
    shape: Shape = "documented"
    """Where the response contains the link; the other shapes are those of older pages and related services."""
    strict: bool = True
    """Reject what a strict MP4 reader rejects; False: read as leniently as ffmpeg."""
    sparse: bool = False
    """Leave out `task_info`, `created` and `progress`."""
    stuck: bool = False
    """Stay `processing` at 0 percent forever."""
    slower: float = 1.0
    """Multiplies the server's `pace`."""
    pause: Pause | None = None
