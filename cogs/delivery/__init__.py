"""Shows tasks in their Discord replies."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.delivery.cog import ReplyUpdater
from cogs.tasks.buttons import TaskButton


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    delivery = ReplyUpdater(bot)
    bot.reply_port = delivery
    bot.add_dynamic_items(TaskButton)
    await bot.add_cog(delivery)
