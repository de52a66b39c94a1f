"""The baseline of the load test, a naive bot: `python -m tests.benchmarks.naive`.

A bare discord.py handler, one coroutine per task: it defers, pays, polls at a fixed interval, edits the reply after
each poll, downloads the film into memory and delivers it. It stores nothing, limits nothing, checks no file, and loses
the video on any fault. It uses the same discord.py, aiohttp and POLL_SECONDS as the bot, so the difference is the cost
of the bot's guarantees.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.foxapi.client import USER_AGENT


class Naive(discord.Client):
    """A client with a single command."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), max_messages=None)
        self.tree = app_commands.CommandTree(self)
        self.tree.command(name="extend", description="Make a video longer")(self._extend)
        self._poll_seconds = float(os.environ["POLL_SECONDS"])

    async def setup_hook(self) -> None:
        """Register the command."""
        _, gateway, _ = await self.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
        headers = {"User-Agent": USER_AGENT, "Authorization": f"Bearer {os.environ['FOXAPI_KEY']}"}
        self._fox = aiohttp.ClientSession(os.environ["FOXAPI_URL"], headers=headers)
        await self.tree.sync()

    async def close(self) -> None:
        """Close the FoxAPI session and the client."""
        await self._fox.close()
        await super().close()

    async def _extend(self, interaction: discord.Interaction, prompt: str, video: discord.Attachment) -> None:
        await interaction.response.defer(thinking=True)
        body = {"model": os.environ["FOXAPI_MODEL"], "prompt": prompt, "video_url": video.url, "duration": 6}
        async with self._fox.post("/v1/videos/generations", json=body) as response:
            task = await response.json()
        while task["status"] not in {"completed", "failed"}:
            await asyncio.sleep(self._poll_seconds)
            async with self._fox.get(f"/v1/tasks/{task['id']}") as response:
                task = await response.json()
            if task["status"] not in {"completed", "failed"}:
                await interaction.edit_original_response(content=f"{task.get('progress', 0)} %")
        async with self._fox.get(task["results"][0]["url"]) as response:
            film = discord.File(io.BytesIO(await response.read()), filename="extended.mp4")
        await interaction.edit_original_response(attachments=[film])


async def _run() -> None:
    Route.BASE = os.environ["DISCORD_API_URL"]
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    async with Naive() as naive:
        await naive.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    sys.exit(asyncio.run(_run()))
