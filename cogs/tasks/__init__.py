"""/tasks, /notify and the buttons of a task."""

from __future__ import annotations

from bot.client import ExtendBot
from cogs.tasks.cog import TasksCog, TasksItem
from cogs.tasks.delete import ConfirmDeleteButton


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    bot.add_dynamic_items(TasksItem, ConfirmDeleteButton)
    await bot.add_cog(TasksCog())
