"""Creators: find one's tasks again, and see what one has left."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot
from cogs import _cards, _quota
from cogs._begin import asker_of

_LOOKED_AT = 25
"""Newest tasks among which those in line are looked for."""
_NONE_YET = "You have no tasks yet: type /extend to make a video longer."


class Share(commands.Cog):
    """Commands about one's own tasks."""

    @app_commands.command()
    async def tasks(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show your running and recent tasks."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        tasks = map(interaction.client.as_shown, await interaction.client.service.tasks_of(interaction.user.id))
        lines = "\n".join(_cards.line(task) for task in tasks)
        embed = discord.Embed(title="Your tasks", description=lines or _NONE_YET, colour=_cards.BLUE)
        await interaction.followup.send(embed=embed, ephemeral=True)

    @app_commands.command()
    async def quota(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show what you have left here, when it renews, and your places in line."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        service, asker = interaction.client.service, asker_of(interaction)
        quota = await service.quota(asker)
        known = map(interaction.client.as_shown, await service.tasks_of(asker.user_id, _LOOKED_AT))
        tasks = [task for task in known if task.order.guild_id == asker.guild_id]
        await interaction.followup.send(embed=_quota.embed(quota, tasks), ephemeral=True)


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(Share())
