"""The bot in its own process, without the second that Python takes to import it.

It is forked from a server (multiprocessing's, one per process of the test run) that has imported the bot but started
nothing. Like `python -m bot`, it has its own environment, folder, session and output, and is stopped by signals.
"""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from pkgutil import iter_modules

import cogs
from bot.cli import main
from bot.sandbox.bot_process import BotProcess

for needed in (
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "asyncpg",
    *(f"cogs.{each.name}" for each in iter_modules(cogs.__path__)),
):
    importlib.import_module(needed)

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])


class ForkedBot(BotProcess):
    """A BotProcess that is forked instead of started from scratch."""

    async def _launch(self) -> Forked:
        return await Forked.begin(self._build_environment(), self._cwd, self._arguments)


class Forked:
    """The forked child, with the interface that BotProcess needs."""

    def __init__(self, process: ForkServerProcess, stdout: asyncio.StreamReader, pipe: asyncio.ReadTransport) -> None:
        self.stdout = stdout
        self.pid = process.pid or 0
        self._process, self._pipe = process, pipe
        self._gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(process.sentinel, self._on_exit)

    @classmethod
    async def begin(cls, environment: dict[str, str], folder: Path, arguments: Sequence[str]) -> Forked:
        """Fork the child."""
        reading, writing = os.pipe()
        with Connection(writing, readable=False) as output:
            process = _SERVER.Process(target=_run, args=(environment, folder, list(arguments), output), daemon=True)
            await asyncio.to_thread(process.start)  # the first start waits until the server has imported the bot
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
        )
        return cls(process, reader, transport)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    async def wait(self) -> int:
        """Wait for the exit and return the exit code (negative: a signal)."""
        await self._gone.wait()
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        self._pipe.close()
        assert code is not None
        return code

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._gone.set()


def _run(environment: dict[str, str], folder: Path, arguments: Sequence[str], output: Connection) -> None:
    """In the child: set up the process like BotProcess does, and run the bot."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for standard in (sys.stdout, sys.stderr):
        os.dup2(output.fileno(), standard.fileno())
    output.close()
    sys.exit(main(arguments))
