"""/limits: the moderators' panel."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.limits.callbacks import PanelItem
from cogs.limits.cog import LimitsCog


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(PanelItem)
    await bot.add_cog(LimitsCog())
