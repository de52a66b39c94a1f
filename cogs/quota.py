"""Members: what one has left here."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot, language_of
from cogs import _quota
from cogs._acknowledge import acknowledge
from cogs._begin import requester_of

_LOOKED_AT = 25
"""Newest tasks among which those in line are looked for."""


class QuotaCog(commands.Cog):
    """`/quota`."""

    @app_commands.command()
    async def quota(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show what you have left here, when it renews, and your places in line."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        service, requester = interaction.client.service, requester_of(interaction)
        quota = await service.quota(requester)
        known = map(interaction.client.with_queue_position, await service.tasks_of(requester.user_id, _LOOKED_AT))
        tasks = [task for task in known if task.order.guild_id == requester.guild_id]
        await interaction.followup.send(embed=_quota.embed(quota, tasks, language_of(interaction)), ephemeral=True)


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(QuotaCog())
