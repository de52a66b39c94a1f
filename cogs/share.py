"""Creators: find one's tasks again."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot
from cogs import _cards

_NONE_YET = "You have no tasks yet: type /extend to make a video longer."


class Share(commands.Cog):
    """Commands about one's own tasks."""

    @app_commands.command()
    async def tasks(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show your running and recent tasks."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        tasks = await interaction.client.service.tasks_of(interaction.user.id)
        lines = "\n".join(_cards.line(task) for task in tasks)
        embed = discord.Embed(title="Your tasks", description=lines or _NONE_YET, colour=_cards.BLUE)
        await interaction.followup.send(embed=embed, ephemeral=True)


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(Share())
