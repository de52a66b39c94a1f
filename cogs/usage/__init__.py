"""/usage: a server's usage report for its moderators."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.usage.cog import UsageCog


async def setup(bot: ExtendBot) -> None:
    """Register the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(UsageCog())
