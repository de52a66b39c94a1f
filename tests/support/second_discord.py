"""The real bot and worker beside simcord, a Discord that others wrote: it validates and answers what the bot sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import discord
import simcord
from aiohttp import web
from pydantic import SecretStr
from simcord.backend.cdn import CdnStore
from simcord.http.router import RequestContext, route

from bot.app import assemble_app
from bot.settings import Settings
from tests.support.harness import Harness

Json = dict[str, Any]


@route("GET", "/gateway/bot")
def _get_gateway(_: RequestContext) -> Json:
    """Serve the one route that the bot needs and simcord 3.2 lacks (Discord docs, Get Gateway Bot)."""
    limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    return {"url": "wss://gateway.invalid", "shards": 1, "session_start_limit": limit}


class ServedFiles(CdnStore):
    """Simcord's files at an address from which the bot can download them."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def store_attachment(
        self, attachment_id: int, channel_id: int, filename: str, data: bytes, description: str | None
    ) -> Json:
        """Store a file; return its description with our address."""
        stored = super().store_attachment(attachment_id, channel_id, filename, data, description)
        url = f"http://{self._address}{urlsplit(stored['url']).path}"
        self._blobs[url] = data
        return {**stored, "url": url, "proxy_url": url}


@dataclass(frozen=True, slots=True)
class SecondDiscord:
    """A server in simcord with a member, a moderator and two channels."""

    env: simcord.Env
    videos: simcord.ChannelHandle
    showcase: simcord.ChannelHandle
    role: simcord.RoleHandle
    member: simcord.MemberActor
    moderator: simcord.MemberActor


@asynccontextmanager
async def open_second_discord(stage: Harness) -> AsyncIterator[SecondDiscord]:
    """Run the bot on simcord instead of our own fake of Discord; FoxAPI is the stand-in of `stage`."""
    async with AsyncExitStack() as stack:
        files: list[CdnStore] = []
        address = await stack.enter_async_context(_serve(files))
        environment = stage.environment()
        environment["TRUSTED_MEDIA_HOSTS"] += f",{address}"
        values: Json = {name.lower(): value for name, value in environment.items()}
        secrets = {name: SecretStr(values.pop(name)) for name in ("discord_token", "foxapi_key")}
        settings = Settings.model_validate({**values, **secrets})
        bot, worker = await stack.enter_async_context(assemble_app(settings, now=stage.now))
        env = await stack.enter_async_context(simcord.run(bot, shard_count=1, settle_timeout=30))
        env.backend.cdn = ServedFiles(address)
        files.append(env.backend.cdn)
        stack.push_async_callback(_cancel, asyncio.create_task(worker.run()))
        guild = env.create_guild("Film club")
        everything = discord.Permissions(manage_guild=True)
        role = guild.create_role("Moderators", permissions=everything)
        yield SecondDiscord(
            env,
            guild.create_text_channel("videos"),
            guild.create_text_channel("showcase"),
            role,
            guild.add_member(env.create_user("Ana")),
            guild.add_member(env.create_user("Mia"), roles=[role]),
        )


@asynccontextmanager
async def _serve(files: list[CdnStore]) -> AsyncIterator[str]:
    """Serve the files of the last store in `files`; yield the address."""

    async def send(request: web.Request) -> web.Response:
        content = files[-1].get(str(request.url))
        return web.Response(body=content, content_type="video/mp4") if content else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/attachments/{path:.*}", send)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
