"""Two clients of the Discord fake: plain REST calls, and a real discord.py client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands

from bot.sandbox.discord import DiscordServer
from bot.sandbox.discord.state.model import Json
from tests.support.member import Member
from tests.support.world import find_channel, find_user

ECHO: Json = {
    "name": "echo",
    "description": "Says it again",
    "options": [
        {"type": 3, "name": "text", "description": "What", "required": True, "max_length": 10},
        {"type": 4, "name": "times", "description": "How often", "min_value": 1, "max_value": 3},
    ],
}


@dataclass
class Rest:
    """The bot's side as plain REST calls and dispatched interactions, with Ana as the member."""

    server: DiscordServer
    ana: Member
    http: aiohttp.ClientSession
    interactions: list[Json] = field(default_factory=list)

    @property
    def app(self) -> str:
        return self.server.world.application_id

    def channel(self, name: str) -> str:
        return find_channel(self.server.world, name).id

    async def __call__(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
        """Call the API; returns the status and the JSON of the response."""
        headers = {"Authorization": f"Bot {self.server.world.token}"} | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        url = self.server.api_url + path
        async with self.http.request(method, url, headers=headers, **options) as response:
            return response.status, await response.json() if response.status != 204 else None

    async def register_commands(self, *commands: Json) -> None:
        status, _ = await self("PUT", f"/applications/{self.app}/commands", list(commands))
        assert status == 200

    async def ask_echo(self) -> Json:
        """Let Ana use /echo in #videos; returns the interaction as dispatched."""
        await self.register_commands(ECHO)
        interaction_id = await self.ana.command("echo", self.channel("videos"), text="hello")
        return next(each for each in self.interactions if each["id"] == interaction_id)

    async def answer(self, interaction: Json, kind: int, data: Json | None = None) -> tuple[int, Any]:
        path = f"/interactions/{interaction['id']}/{interaction['token']}/callback?with_response=true"
        return await self("POST", path, {"type": kind, "data": data or {}})

    def webhook(self, interaction: Json, message: str = "") -> str:
        return f"/webhooks/{self.app}/{interaction['token']}" + (f"/messages/{message}" if message else "")

    async def say(self, channel: str = "videos", **body: Any) -> Json:
        """Post a message as the bot."""
        status, message = await self("POST", f"/channels/{self.channel(channel)}/messages", {"content": "hi"} | body)
        assert status == 200, message
        return dict(message)


@asynccontextmanager
async def open_rest() -> AsyncIterator[Rest]:
    """Start a Discord fake with Ana, and the bot's side as REST calls."""
    async with (
        DiscordServer() as server,
        Member(server.url, find_user(server.world, "Ana").id) as ana,
        aiohttp.ClientSession() as http,
    ):
        rest = Rest(server, ana, http)

        def note(name: str, data: Json, _: int) -> None:
            if name == "INTERACTION_CREATE":
                rest.interactions.append(data)

        server.world.dispatchers.append(note)
        yield rest


def refused(answer: tuple[int, Any]) -> tuple[int, int]:
    """The status and Discord's error code of a response."""
    status, body = answer
    assert body["message"]
    return status, body["code"]


def form(payload: Json, content: bytes) -> aiohttp.MultipartWriter:
    """A multipart body with a file, as bots send it."""
    writer = aiohttp.MultipartWriter("form-data")
    writer.append_json(payload).set_content_disposition("form-data", name="payload_json")
    part = writer.append(content, {"Content-Type": "application/octet-stream"})
    part.set_content_disposition("form-data", quote_fields=False, name="files[0]", filename="f.bin")
    return writer


class Bot(discord.Client):
    """A real discord.py client; a test adds commands and then calls :meth:`begin`."""

    def __init__(self, server: DiscordServer, ana: Member) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.05)
        self.server, self.ana = server, ana
        self.tree = app_commands.CommandTree(self)
        self.resumed = asyncio.Event()
        self.notices: asyncio.Queue[str] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Skip discord.py's five seconds before a second identify."""

    async def on_resumed(self) -> None:
        self.resumed.set()

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.notices.put_nowait(f"left {guild.name}")

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self.notices.put_nowait(f"lost {channel.name}")

    async def begin(self) -> None:
        """Log in and wait until ready."""
        self._running = asyncio.create_task(self.start(self.server.world.token))
        await self.ana.wait_event("bot", lambda it: it["online"])
        await self.wait_until_ready()

    async def finish(self) -> None:
        """Log out; raises what `start` raised."""
        await self.close()
        if self._running is not None:
            await self._running


@asynccontextmanager
async def open_library(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    """Start a Discord fake with Ana, and a discord.py client that uses it."""
    async with DiscordServer() as server, Member(server.url, find_user(server.world, "Ana").id) as ana:
        monkeypatch.setattr(discord.http.Route, "BASE", server.api_url)
        address = yarl.URL(server.url.replace("http", "ws", 1) + "/gateway")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", address)
        bot = Bot(server, ana)
        async with bot:
            yield bot
            await bot.finish()
