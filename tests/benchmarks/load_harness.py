"""Runs both fakes in this process, sends hundreds of commands, and records their times.

All times are recorded at the fakes: when an interaction was sent and first answered, when FoxAPI completed a task, when
it first reported that, and when Discord accepted the film.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.sandbox.clock import Clock
from bot.sandbox.discord.page_api.command_options import check_options, resolve_options
from bot.sandbox.discord.server import DiscordServer
from bot.sandbox.discord.state.interactions import COMMAND
from bot.sandbox.faults import Call
from bot.sandbox.foxapi import FoxServer, Quirks
from tests.support.harness import A_VIDEO, NO_LIMITS, Json
from tests.support.prerendered import Prerendered, PrerenderedQueue
from tests.support.world import find_channel

_CALLBACK = re.compile(r"^/api/v10/interactions/(\d+)/")
_REPLY = re.compile(r"^/api/v10/webhooks/\d+/([^/]+)/messages/")
_QUERY = re.compile(r"^/v1/tasks/([^/]+)$")
CHANNELS = ("general", "videos", "showcase")


@dataclass(slots=True)
class Timestamps:
    """The times of one /extend, in seconds of time.perf_counter()."""

    sent: float
    answered: float | None = None
    completed: float | None = None
    noticed: float | None = None
    delivered: float | None = None
    queries: int = 0


@dataclass
class BenchStage:
    """The fakes, and the times of each command by its unique prompt."""

    discord: DiscordServer
    fox: FoxServer
    folder: Path
    timestamps: dict[str, Timestamps] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    """Discord's calls by kind: "first", "edit", "film", "other" and "429"."""
    queries: list[float] = field(default_factory=list)
    """Times of FoxAPI's task queries."""
    _interactions: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _events: asyncio.Event = field(default_factory=asyncio.Event)

    def environment(self, folder: Path, tasks: int) -> dict[str, str]:
        """Return the settings of a new installation, with limits raised to that many tasks at once."""
        hosts = [urlsplit(url).netloc for url in (self.discord.url, self.fox.url)]
        return {
            "DISCORD_TOKEN": self.discord.world.token,
            "DISCORD_API_URL": self.discord.api_url,
            "FOXAPI_KEY": self.fox.key,
            "FOXAPI_URL": self.fox.url,
            "FOXAPI_MODEL": self.fox.models[0],
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/data/bot.db",
            "DATA_DIR": str(folder / "data"),
            "TRUSTED_MEDIA_HOSTS": ",".join(hosts),
            "POLL_SECONDS": "5",
            "EDIT_SECONDS": "5",
            "QUERIES_PER_SECOND": str(max(20, tasks / 5)),
            "MAX_RUNNING": str(tasks),
            "MAX_WAITING": str(tasks),
            "SERVER_MAX_WAITING": str(tasks),
            "MAX_DISK_GB": str(max(20, tasks)),
            **dict.fromkeys(NO_LIMITS, "0"),
        }

    async def wait_until_online(self, timeout: float = 30) -> None:
        """Wait until the bot is connected and has registered /extend."""
        async with asyncio.timeout(timeout):
            while not (self.discord.world.online and self._command()):
                await asyncio.sleep(0.02)
        await asyncio.sleep(1)  # the bot finishes its startup

    async def extend(self, clip: bytes, tasks: int) -> None:
        """Let `tasks` members use /extend at once, as fast as the gateway accepts it."""
        world = self.discord.world
        people = [user for user in world.users.values() if user.on_page and not user.bot]
        uploads = [await world.files.add(clip, person.id, person.id, "clip.mp4") for person in people]
        channels = [find_channel(world, name) for name in CHANNELS]
        command = self._command()
        for number in range(tasks):
            who, upload = people[number % len(people)], uploads[number % len(people)]
            channel, prompt = channels[number % len(channels)], f"bench {time.time_ns()} {number}"
            given = [
                {"type": 3, "name": "prompt", "value": prompt},
                {"type": 11, "name": "video", "value": upload.id},
            ]
            check_options(command["options"], given)
            options, resolved = resolve_options(world, who, channel, given)
            data = {"id": command["id"], "name": "extend", "type": 1, "options": options, "resolved": resolved}
            timestamps = self.timestamps[prompt] = Timestamps(time.perf_counter())
            made = self.discord.interactions.begin(COMMAND, who.id, channel, data, name="extend", command_type=1)
            timestamps.sent = time.perf_counter()
            self._interactions[made.id] = self._tokens[made.token] = prompt
            if number % 20 == 19:
                await asyncio.sleep(0)  # let the sockets be written and read

    async def wait_until_delivered(self, timeout: float) -> bool:
        """Wait until every answered command has its film; return False after a time-out."""
        try:
            async with asyncio.timeout(timeout):
                while any(each.delivered is None for each in self.timestamps.values() if self._is_expected(each)):
                    self._events.clear()
                    await self._events.wait()
        except TimeoutError:
            return False
        return True

    def _is_expected(self, timestamps: Timestamps) -> bool:
        return timestamps.answered is not None or time.perf_counter() - timestamps.sent < 4

    def _command(self) -> Json:
        known = self.discord.world.commands[None].values()
        return next((each for each in known if each["name"] == "extend"), {})

    def record_call(self, call: Call) -> None:
        """Record a call that one of the fakes has answered."""
        if call.path.startswith("/api/v10/"):
            self._record_discord_call(call)
        else:
            self._record_foxapi_call(call)

    def _record_discord_call(self, call: Call) -> None:
        if call.status == 429:
            self.calls["429"] += 1
        kind = "other"
        if found := _CALLBACK.match(call.path):
            kind = "first"
            timestamps = self.timestamps.get(self._interactions.get(found[1], ""))
            if timestamps and call.status == 200:
                # The response arrived when the call was read, not when it was answered.
                timestamps.answered = time.perf_counter() - (self.discord.clock.now() - call.at)
                self._events.set()
        elif (found := _REPLY.match(call.path)) and call.method == "PATCH":
            film = int(call.headers.get("Content-Length", 0)) > A_VIDEO
            kind = "film" if film else "edit"
            timestamps = self.timestamps.get(self._tokens.get(found[1], ""))
            if film and timestamps and call.status == 200:
                timestamps.delivered = time.perf_counter()
                self._events.set()
        self.calls[kind] += 1

    def _record_foxapi_call(self, call: Call) -> None:
        found = _QUERY.match(call.path)
        task = self.fox.tasks.get(found[1]) if found else None
        if task is None:
            return
        now = time.perf_counter()
        self.queries.append(now)
        timestamps = self.timestamps.get(task.request.prompt)
        if timestamps is None:
            return
        timestamps.queries += 1
        if task.ended_at is not None and timestamps.noticed is None:
            timestamps.completed, timestamps.noticed = task.ended_at, now


@dataclass(frozen=True, slots=True)
class RenderProfile:
    """How FoxAPI renders tasks, and what it reports."""

    seconds: float
    """About how long one takes."""
    steps: int = 20
    """Progress updates per task: 20 is fine, 4 is coarse, 1 is none."""
    estimate: float | None = 1.0
    """FoxAPI's own estimate, relative to `seconds`; None: it tells neither an estimate nor progress."""


@asynccontextmanager
async def bench_stage(folder: Path, film: Path, profile: RenderProfile, seed: int) -> AsyncIterator[BenchStage]:
    """Start both fakes."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        stages: list[BenchStage] = []

        def record(call: Call) -> None:
            stages[0].record_call(call)

        discord = await stack.enter_async_context(DiscordServer(clock=clock, watch=record))
        source = Prerendered(film, profile.seconds, seed, profile.steps)
        fox = await stack.enter_async_context(
            FoxServer(
                clock,
                watch=record,
                balance=10_000_000,
                pace=profile.seconds * (profile.estimate or 1),
                make_renderer=lambda folder, link: PrerenderedQueue(folder, link, source),
            )
        )
        fox.quirks = Quirks(sparse=profile.estimate is None)
        stages.append(BenchStage(discord, fox, folder))
        yield stages[0]
