"""How one task of the stand-in FoxAPI departs from the plain course, each way seen or documented at the real one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["documented", "strings", "output.url", "output.urls"]


@dataclass(frozen=True, slots=True)
class Failure:
    """The task ends as failed with this error once its progress is `at` percent (0: before anything is rendered)."""

    code: str
    message: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """The task stands still at `at` percent: `reached` is set there, and it goes on once `release` is set."""

    at: int
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """One task's misbehaviour; the defaults are the documented course, with a joined video as the result."""

    joined: bool = True
    """False: the result holds the new part only, as FoxAPI's own page says."""
    failure: Failure | None = None
    ends_cancelled: bool = False
    """The status `cancelled` of older pages, instead of a rendering."""
    withheld: int | None = 0
    """So many queries answer `completed` without results before the link appears; None: it never appears."""
    shape: Shape = "documented"
    """Where the link is found in the answer; the other three are those of older pages and sister services."""
    strict: bool = True
    """Refuse what a strict reader of MP4 files refuses; False: read as leniently as ffmpeg does."""
    sparse: bool = False
    """Leave out `task_info`, `created` and `progress`."""
    stuck: bool = False
    """Stay `processing` at 0 percent for ever."""
    slower: float = 1.0
    """The server's `pace` is stretched by this factor."""
    pause: Pause | None = None
