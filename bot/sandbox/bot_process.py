"""Runs the real bot as a child process, without environment variables that could give it a real account."""

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
    """The part of asyncio's Process that is used here."""

    @property
    def pid(self) -> int:
        """The process's id."""

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """Its output, including stderr."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""

    async def wait(self) -> int:
        """Wait for the exit and return the exit code (negative: a signal)."""


class BotProcess:
    """`python -m bot` with `arguments`, in `cwd` with the settings `env`. It is not restarted automatically.

    `on_line` is called with each line of output (cut to 2,000 characters), `on_change` after a start or an exit (see
    `running` and `code`). Neither may block.
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
        """The last exit code (negative: a signal); None before the first exit."""
        self._cwd = cwd
        self._arguments = arguments
        self._on_line = on_line
        self._on_change = on_change
        self._child: Child | None = None
        self._follower: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._child is not None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start the process unless it is running."""
        if self._child:
            return
        self._child = await self._launch()
        self._follower = asyncio.create_task(self._follow(self._child))
        self._on_change()

    async def _launch(self) -> Child:
        # In its own session, so that Ctrl-C reaches only the sandbox, which then stops the bot properly.
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *self._arguments,
            cwd=self._cwd,
            env=self._build_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def stop(self) -> int | None:
        """Send SIGTERM and wait; kill after 12 s. Returns the exit code."""
        self._send_signal(kill=False)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int | None:
        """Send SIGKILL, like a crash or a power cut. Returns the exit code."""
        self._send_signal(kill=True)
        return await self.wait()

    async def wait(self) -> int | None:
        """Wait for the exit and return the exit code."""
        if self._follower:
            await asyncio.shield(self._follower)
        return self.code

    def _send_signal(self, *, kill: bool) -> None:
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
            rest = rest[:LINE_LIMIT]  # an endless line is cut

    def _build_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return kept | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"} | self.env
