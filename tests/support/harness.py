"""The harness of end-to-end tests: both fakes, scripted members, and the real bot.

The bot runs in this process (so that it shares the fakes' clock) or in its own process (so that it can be killed). In
both cases it reaches the fakes only over sockets.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.app import build_app, run_app
from bot.client import ExtendBot
from bot.sandbox.bot_process import BotProcess
from bot.sandbox.clock import Clock
from bot.sandbox.discord.server import DiscordServer
from bot.sandbox.foxapi import FoxServer
from bot.sandbox.foxapi.render_queue import RenderCache
from bot.settings import Settings
from bot.worker import Timeouts
from tests.support.bot_process import ForkedBot
from tests.support.clips import Clips
from tests.support.databases import Database, SQLiteFile
from tests.support.member import Member
from tests.support.world import find_user

Json = dict[str, Any]
CREATE = "/v1/videos/generations"
NO_LIMITS = ("DEFAULT_USER_PER_DAY", "DEFAULT_SERVER_PER_DAY", "DEFAULT_USER_RUNNING", "DEFAULT_SERVER_RUNNING")
A_VIDEO = 30_000
"""Bytes. Larger requests contain a video, smaller ones at most a thumbnail."""


@dataclass
class Harness:
    """Everything that an end-to-end test needs."""

    clock: Clock
    discord: DiscordServer
    fox: FoxServer
    folder: Path
    clips: Clips
    database: Database
    ana: Member
    ben: Member
    mia: Member
    lines: list[str] = field(default_factory=list)
    limits: dict[str, str] = field(default_factory=lambda: dict.fromkeys((*NO_LIMITS, "USER_FREE_FAILURES"), "0"))
    """A new server's limits. None by default: most tests are not about limits."""
    instead: dict[str, str] = field(default_factory=dict)
    """By id of the public reply, the id of the private message that replaced it."""
    kind: type[BotProcess] = ForkedBot
    """The class of bot processes. A plain BotProcess starts a new Python, like in production."""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def environment(self, **changes: str) -> dict[str, str]:
        hosts = [urlsplit(url).netloc for url in (self.discord.url, self.fox.url)]
        return {
            "DISCORD_TOKEN": self.discord.world.token,
            "DISCORD_API_URL": self.discord.api_url,
            "FOXAPI_KEY": self.fox.key,
            "FOXAPI_URL": self.fox.url,
            "DATABASE_URL": self.database.url,
            "DATA_DIR": str(self.data),
            "TRUSTED_MEDIA_HOSTS": ",".join(hosts),
            "POLL_SECONDS": "0.05",
            "EDIT_SECONDS": "0.5",  # more frequent edits would hit Discord's rate limit
            "LEASE_SECONDS": "2",
            **self.limits,
            **changes,
        }

    @asynccontextmanager
    async def bot(self, timeouts: Timeouts | None = None, **changes: str) -> AsyncIterator[ExtendBot]:
        """Run the bot in this process and wait until it is connected; stopped like on SIGTERM."""
        values = {name.lower(): value for name, value in self.environment(**changes).items()}
        secrets = {name: SecretStr(values.pop(name)) for name in ("discord_token", "foxapi_key")}
        settings = Settings.model_validate({**values, **secrets})
        stop = asyncio.Event()
        chance = random.Random(7)  # noqa: S311
        async with build_app(settings, now=self.now, chance=chance, timeouts=timeouts) as (bot, runner):
            serving = asyncio.create_task(run_app(bot, runner, stop))
            try:
                # Not wait_until_ready, which waits two more seconds for further servers.
                await bot.wait_for("socket_event_type", check=lambda kind: kind == "GUILD_CREATE", timeout=10)
                yield bot
            finally:
                stop.set()
                await serving

    @asynccontextmanager
    async def process(self, *arguments: str, **changes: str) -> AsyncIterator[BotProcess]:
        """A bot process, not yet started; its output goes to `lines`. Stopped on exit."""
        self.data.mkdir(exist_ok=True)
        process = self.kind(self.environment(**changes), self.folder, self.lines.append, lambda: None, arguments)
        try:
            yield process
        finally:
            await process.stop()

    async def extend(self, who: Member, clip: Path, prompt: str = "the sun comes out", **options: Any) -> Json:
        """Use /extend with an attached clip; return the reply as it first appears."""
        channel = await who.channel(options.pop("channel", "videos"))
        upload = await who.upload(clip)
        asked = await who.command("extend", channel, prompt=prompt, video=upload, **options)
        return await who.wait_message(lambda it: it.get("interaction_metadata", {}).get("id") == asked)

    async def tidied(self, timeout: float = 5) -> None:
        """Wait until the bot has removed every task's files, which it does after showing the outcome."""
        async with asyncio.timeout(timeout):
            while list((self.data / "tasks").iterdir()):
                await asyncio.sleep(0.02)  # there is no event to wait for

    async def recorded(self, done: Json, timeout: float = 20) -> Json:
        """Wait until the bot has recorded the outcome of that finished reply and removed the task's files."""
        folder = self.data / "tasks" / re.sub(r"\D", "", done["embeds"][0]["footer"]["text"])
        async with asyncio.timeout(timeout):
            while folder.exists():
                await asyncio.sleep(0.02)
        return done

    async def until(self, who: Member, reply: Json, title: str, timeout: float = 40) -> Json:
        """Wait until that reply's card has this title.

        A failure before payment is shown only to its member, in another message that replaces the reply.
        """

        def shows(it: Json) -> bool:
            new = it["ephemeral"] and it["channel_id"] == reply["channel_id"] and it["id"] not in self.instead.values()
            instead = title == "Failed" and self.instead.get(reply["id"], it["id"] if new else None)
            return it["id"] in {reply["id"], instead} and title_of(it) == title

        shown = await who.wait_message(shows, timeout)
        if shown["ephemeral"]:
            self.instead[reply["id"]] = shown["id"]
        return shown


def title_of(message: Json) -> str:
    """The title of a message's card."""
    return message["embeds"][0]["title"] if message.get("embeds") else ""


def text_of(message: Json) -> str:
    """The text of a message and its embeds."""
    parts = [message.get("content") or ""]
    for embed in message.get("embeds", []):
        parts += [embed.get("title", ""), embed.get("description", "")]
        parts += [f"{each['name']}: {each['value']}" for each in embed.get("fields", [])]
    return "\n".join(parts)


def labels_of(message: Json) -> list[str]:
    """The labels of a message's buttons, in order."""
    return [button["label"] for row in message["components"] for button in row["components"]]


def percent_of(message: Json) -> int | None:
    """The percentage on a message's progress bar."""
    found = re.search(r"\*\*(\d+) %\*\*", text_of(message))
    return int(found[1]) if found else None


@asynccontextmanager
async def on_stage(
    folder: Path,
    clips: Clips,
    database: Database | None = None,
    *,
    at_once: int = 2,
    render_cache: RenderCache | None = None,
) -> AsyncIterator[Harness]:
    """Start a harness without bot; `at_once` and `render_cache` are FoxServer's, the default `database` is a file."""
    clock = Clock()
    database = database or SQLiteFile(folder / "data" / "bot.db")
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordServer(clock=clock))
        fox = await stack.enter_async_context(FoxServer(clock, at_once=at_once, render_cache=render_cache))
        people = [find_user(discord.world, name) for name in ("Ana", "Ben", "Mia")]
        ana, ben, mia = [await stack.enter_async_context(Member(discord.url, person.id)) for person in people]
        yield Harness(clock, discord, fox, folder, clips, database, ana, ben, mia)
