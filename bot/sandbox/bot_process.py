"""The real bot as a child process, with nothing of this process's environment that could reach a real account."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

PROJECT = Path(__file__).resolve().parents[2]
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT", "IMAGEIO_FFMPEG_EXE")
LINE_LIMIT = 2000
STOP_SECONDS = 12.0


class Child(Protocol):
    """What is known of the process: asyncio's Process, say."""

    @property
    def pid(self) -> int:
        """The process's id."""

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """What it writes, errors too."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""

    async def wait(self) -> int:
        """Return its code (negative: the signal) once it has ended."""


class BotProcess:
    """`python -m bot`, with `arguments`, in `cwd` with the settings `env`; it does not restart by itself.

    `on_line` is told each line that the bot writes (at most 2,000 characters of it), `on_change` when it began
    to run or has ended (look at `running` and `code`). Neither may wait.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        cwd: Path,
        on_line: Callable[[str], None],
        on_change: Callable[[], None],
        arguments: Sequence[str] = (),
    ) -> None:
        self.env = dict(env)
        self.code: int | None = None
        """What it ended with last (negative: the signal); None before that."""
        self._cwd = cwd
        self._arguments = arguments
        self._on_line = on_line
        self._on_change = on_change
        self._child: Child | None = None
        self._follower: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start it, unless it runs."""
        if self._child:
            return
        self._child = await self._launch()
        self._follower = asyncio.create_task(self._follow(self._child))
        self._on_change()

    async def _launch(self) -> Child:
        # In its own session, so that Ctrl-C in a terminal reaches the sandbox alone, which then stops it properly.
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *self._arguments,
            cwd=self._cwd,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def stop(self) -> int | None:
        """Ask it to end (SIGTERM) and wait; after 12 s it is killed. Returns its code."""
        self._signal(kill=False)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int | None:
        """End it at once (SIGKILL), as a crash or a power cut would. Returns its code."""
        self._signal(kill=True)
        return await self.wait()

    async def wait(self) -> int | None:
        """Return its code once it has ended."""
        if self._follower:
            await asyncio.shield(self._follower)
        return self.code

    def _signal(self, *, kill: bool) -> None:
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                (self._child.kill if kill else self._child.terminate)()

    async def _follow(self, child: Child) -> None:
        if child.stdout:
            await self._read(child.stdout)
        self.code = await child.wait()
        self._child = None
        self._on_change()

    async def _read(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while part := await stream.read(8192):
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                self._on_line(line.decode(errors="replace")[:LINE_LIMIT])
            rest = rest[:LINE_LIMIT]  # a line without end is cut, not kept

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return kept | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"} | self.env
