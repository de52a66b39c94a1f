"""/extend and the message command "Extend video"."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.extend.cog import ExtendCog
from cogs.extend.draft import DraftButton


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(DraftButton)
    await bot.add_cog(ExtendCog(bot))
