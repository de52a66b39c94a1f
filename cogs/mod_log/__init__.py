"""The moderators' log: what happens in a server is posted to its log channel."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.mod_log.cog import ModLog


async def setup(bot: ExtendBot) -> None:
    """Register the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(ModLog(bot))
