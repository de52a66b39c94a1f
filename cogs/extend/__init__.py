"""/extend and the message command "Extend video"."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.extend.cog import ExtendCog


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    await bot.add_cog(ExtendCog(bot))
