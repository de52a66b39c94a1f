"""/usage: the moderators' report."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.usage.cog import UsageCog


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(UsageCog())
