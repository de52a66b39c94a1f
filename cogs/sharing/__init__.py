"""Sharing finished films, and /showcase."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.sharing.buttons import ShareButton
from cogs.sharing.cog import ShowcaseCog


async def setup(bot: ExtendBot) -> None:
    """Register the cog and its persistent components; discord.py calls this when it loads the extension."""
    bot.add_dynamic_items(ShareButton)
    await bot.add_cog(ShowcaseCog(bot))
