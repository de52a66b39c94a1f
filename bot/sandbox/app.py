"""Runs the whole sandbox on 127.0.0.1: both fakes, the chat page with its control panel, and the real bot."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from bot.sandbox.bot_process import BotProcess
from bot.sandbox.clock import Clock
from bot.sandbox.discord import DiscordServer
from bot.sandbox.discord.state.model import FORUM_CHANNEL
from bot.sandbox.foxapi import FoxServer
from bot.sandbox.panel import Panel
from bot.sandbox.samples.clips import Samples

PACE_SECONDS = 6.0


class Sandbox:
    """An async context manager that starts everything, and stops everything on exit.

    Its parts are `clock`, `world`, `discord`, `fox`, `panel` and `bot`.
    """

    def __init__(
        self,
        port: int = 0,
        folder: Path | None = None,
        *,
        pace: float = PACE_SECONDS,
        kind: type[BotProcess] = BotProcess,
    ) -> None:
        """`port` 0 takes a free port. The bot's data is kept in `folder`, or in a temporary one.

        `pace`: minimum seconds per rendering, so that progress can be watched. `kind`: the class of the bot process.
        """
        self.clock = Clock()
        self.panel = Panel(self.clock)
        self.discord = DiscordServer(port=port, clock=self.clock, watch=self.panel.on_discord_call)
        self.world = self.discord.world
        self.world.add_channel(self.world.guild, "screenings", "A forum: each video is a post", kind=FORUM_CHANNEL)
        self.fox = FoxServer(self.clock, watch=self.panel.on_fox_call, pace=pace)
        self.bot: BotProcess
        self._kind = kind
        self._folder = folder
        self._open = AsyncExitStack()

    @property
    def url(self) -> str:
        """The URL of the chat page."""
        return self.discord.url

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            folder = self._folder or await _make_temporary_folder(opening)
            samples = Samples(folder / "samples")
            self.world.samples = samples.describe()
            self.discord.app.add_routes([*self.panel.routes(), *samples.routes()])
            await opening.enter_async_context(self.fox)
            # The page's server starts last: a page that is still open reconnects as soon as it listens.
            await opening.enter_async_context(self.discord)
            self.bot = self._kind(self._build_settings(folder), folder, self.panel.on_log_line, self._on_bot_change)
            self.panel.connect(self.discord, self.fox, self.bot)
            opening.push_async_callback(self.bot.stop)
            await self.bot.start()
            opening.push_async_callback(_cancel, asyncio.create_task(samples.make()))
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def _on_bot_change(self) -> None:
        self.panel.on_bot_change()
        if not self.bot.running and self.bot.code:
            print(
                f"The bot exited with code {self.bot.code}. See the log in the page's control panel.", file=sys.stderr
            )

    def _build_settings(self, folder: Path) -> dict[str, str]:
        data = folder / "data"
        return {
            "DISCORD_TOKEN": self.world.token,
            "DISCORD_API_URL": self.discord.api_url,
            "FOXAPI_KEY": self.fox.key,
            "FOXAPI_URL": self.fox.url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{data}/bot.db",
            "DATA_DIR": str(data),
            "TRUSTED_MEDIA_HOSTS": ",".join(urlsplit(url).netloc for url in (self.discord.url, self.fox.url)),
            "POLL_SECONDS": "0.3",
            "EDIT_SECONDS": "1",
        }


async def run(port: int) -> int:
    """Run the sandbox until SIGINT, SIGTERM or SIGHUP; returns the process's exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(name, stop.set)
    try:
        async with Sandbox(port) as sandbox:
            print(f"Open {sandbox.url} in a browser. Ctrl-C stops the sandbox.", flush=True)
            await stop.wait()
    except OSError as error:
        in_use = f"Port {port} is in use. Stop the program that uses it, or choose another port with --port."
        reason = in_use if error.errno == errno.EADDRINUSE else f"The sandbox cannot start: {error}."
        print(reason, file=sys.stderr)
        return 1
    return 0


async def _make_temporary_folder(opening: AsyncExitStack) -> Path:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="extend-bot-sandbox-"))
    opening.push_async_callback(asyncio.to_thread, shutil.rmtree, folder, ignore_errors=True)
    return folder


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
