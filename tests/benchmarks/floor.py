"""The floor of the benchmark: the least that a bot can do, `python -m tests.benchmarks.floor`.

A bare discord.py handler: defer, pay, ask every five seconds, fetch the film into memory, edit the reply once with it.
It keeps nothing, limits nothing, looks at no file, shows no progress, and a fault anywhere loses the video. The same
discord.py, aiohttp and gap between two queries as the bot's; what the bot needs above this is what its promises cost.
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


class Floor(discord.Client):
    """One command, and nothing else."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), max_messages=None)
        self.tree = app_commands.CommandTree(self)
        self.tree.command(name="extend", description="Extend a video from its last frame")(self._extend)
        self._gap = float(os.environ["POLL_SECONDS"])

    async def setup_hook(self) -> None:
        """Register the command."""
        _, gateway, _ = await self.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
        headers = {"User-Agent": USER_AGENT, "Authorization": f"Bearer {os.environ['FOXAPI_KEY']}"}
        self._fox = aiohttp.ClientSession(os.environ["FOXAPI_URL"], headers=headers)
        await self.tree.sync()

    async def close(self) -> None:
        """Close the way to FoxAPI too."""
        await self._fox.close()
        await super().close()

    async def _extend(self, interaction: discord.Interaction, prompt: str, video: discord.Attachment) -> None:
        await interaction.response.defer(thinking=True)
        order = {"model": os.environ["FOXAPI_MODEL"], "prompt": prompt, "video_url": video.url, "duration": 6}
        async with self._fox.post("/v1/videos/generations", json=order) as answer:
            task = await answer.json()
        while task["status"] not in {"completed", "failed"}:
            await asyncio.sleep(self._gap)
            async with self._fox.get(f"/v1/tasks/{task['id']}") as answer:
                task = await answer.json()
        async with self._fox.get(task["results"][0]["url"]) as answer:
            film = discord.File(io.BytesIO(await answer.read()), filename="extended.mp4")
        await interaction.edit_original_response(attachments=[film])


async def _run() -> None:
    Route.BASE = os.environ["DISCORD_API_URL"]
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    async with Floor() as floor:
        await floor.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    sys.exit(asyncio.run(_run()))
