"""Sharing results, and /showcase."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.sharing.buttons import ShareButton
from cogs.sharing.cog import ShowcaseCog


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(ShareButton)
    await bot.add_cog(ShowcaseCog(bot))
