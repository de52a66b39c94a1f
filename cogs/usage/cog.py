"""The /usage command for moderators."""

from __future__ import annotations

import asyncio
import io

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ExtendBot, get_language
from cogs.common.permissions import defer_ephemeral
from cogs.usage import report as usage_report
from cogs.usage.chart import draw_chart

_DAYS = 30


class UsageCog(commands.Cog):
    """The /usage command."""

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def usage(self, interaction: discord.Interaction[ExtendBot]) -> None:
        """Show the usage of the last 7 and 30 days, by day and by member, with a CSV file."""
        guild_id = await defer_ephemeral(interaction)
        report = await interaction.client.services.moderation.get_usage(guild_id, _DAYS)
        image = await asyncio.to_thread(draw_chart, usage_report.build_bars(report))
        csv_file = await asyncio.to_thread(usage_report.write_csv, report)
        await interaction.followup.send(
            embed=usage_report.build_embed(report, get_language(interaction)),
            files=[
                discord.File(io.BytesIO(image), filename=usage_report.CHART_NAME),
                discord.File(io.BytesIO(csv_file), filename=usage_report.make_csv_name(report.first, report.last)),
            ],
            ephemeral=True,
            allowed_mentions=discord.AllowedMentions.none(),
        )
