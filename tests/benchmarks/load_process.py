"""A bot as a process of its own, and what the kernel says that it used."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.bot_process import INHERITED, PROJECT

_TICK = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU: the process's own, and those of its children that have ended (ffmpeg)."""

    own: float
    children: float

    def __sub__(self, before: Cpu) -> Cpu:
        return Cpu(self.own - before.own, self.children - before.children)


class Measured:
    """A running process. Figures are those of the kernel (/proc)."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")
        self.most = 0
        """The most resident memory that was seen while :meth:`watch` ran, in bytes."""

    def cpu(self) -> Cpu:
        """What it has used so far."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        user, system, child_user, child_system = (int(field) / _TICK for field in fields[11:15])
        return Cpu(user + system, child_user + child_system)

    def memory(self) -> int:
        """Its resident memory in bytes."""
        return int((self._proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    async def watch(self) -> None:
        """Note the most memory; ends by cancellation."""
        while True:
            self.most = max(self.most, self.memory())
            await asyncio.sleep(0.2)


@asynccontextmanager
async def running(module: str, env: Mapping[str, str], folder: Path) -> AsyncIterator[Measured]:
    """Run `python -m module` in `folder`, with its output in bot.log there; stopped by SIGTERM at the end."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    with (folder / "bot.log").open("ab") as log:
        # Like this process's own Python, and in a session of its own, so that Ctrl-C ends it through us.
        command = [sys.executable, *(os.environ.get("BENCH_PROFILE", "").split() if module == "bot" else ()), "-m"]
        child = await asyncio.create_subprocess_exec(
            *command,
            module,
            cwd=folder,
            env=kept | {"PYTHONPATH": str(PROJECT)} | dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield Measured(child.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), _STOP_SECONDS)
        except TimeoutError:
            child.kill()
            await child.wait()
