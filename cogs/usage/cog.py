"""Moderators: `/usage`, the server's books."""

from __future__ import annotations

import asyncio
import io

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot, language_of
from cogs.common.permissions import defer_ephemeral
from cogs.usage import report as usage_report
from cogs.usage.chart import chart

_DAYS = 30


class UsageCog(commands.Cog):
    """One command."""

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def usage(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show what was made here in the last 7 and 30 days, by day and by member, with a CSV."""
        guild_id = await defer_ephemeral(interaction)
        report = await interaction.client.services.moderation.usage(guild_id, _DAYS)
        picture = await asyncio.to_thread(chart, usage_report.bars(report))
        table = await asyncio.to_thread(usage_report.table, report)
        await interaction.followup.send(
            embed=usage_report.embed(report, language_of(interaction)),
            files=[
                discord.File(io.BytesIO(picture), filename=usage_report.CHART_NAME),
                discord.File(io.BytesIO(table), filename=usage_report.table_name(report.first, report.last)),
            ],
            ephemeral=True,
            allowed_mentions=discord.AllowedMentions.none(),
        )
