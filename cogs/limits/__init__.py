"""/limits: moderators see and change their server's limits."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.limits.callbacks import PanelItem
from cogs.limits.cog import LimitsCog


async def setup(bot: ExtendBot) -> None:
    """Register the cog and its persistent components; discord.py calls this when it loads the extension."""
    bot.add_dynamic_items(PanelItem)
    await bot.add_cog(LimitsCog())
