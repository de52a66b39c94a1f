"""Runs a bot in its own process and measures its CPU time and memory."""

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
    """CPU seconds of the process and of its ended children (ffmpeg)."""

    own: float
    children: float

    def __sub__(self, before: Cpu) -> Cpu:
        return Cpu(self.own - before.own, self.children - before.children)


class MeasuredProcess:
    """A running process, measured through /proc."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")
        self.max_memory = 0
        """The largest resident memory seen while :meth:`watch` ran, in bytes."""

    def cpu(self) -> Cpu:
        """Return the CPU time used so far."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        user, system, child_user, child_system = (int(field) / _TICK for field in fields[11:15])
        return Cpu(user + system, child_user + child_system)

    def memory(self) -> int:
        """Return the resident memory in bytes."""
        return int((self._proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    async def watch(self) -> None:
        """Record the largest memory until cancelled."""
        while True:
            self.max_memory = max(self.max_memory, self.memory())
            await asyncio.sleep(0.2)


@asynccontextmanager
async def run_process(module: str, env: Mapping[str, str], folder: Path) -> AsyncIterator[MeasuredProcess]:
    """Run `python -m module` in `folder` with its output in bot.log; stop it with SIGTERM on exit."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    with (folder / "bot.log").open("ab") as log:
        # The same Python, in its own session, so that Ctrl-C reaches it through this process.
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
        yield MeasuredProcess(child.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.wait(), _STOP_SECONDS)
        except TimeoutError:
            child.kill()
            await child.wait()
