"""Finds the channel, server and member for sharing a result."""

from __future__ import annotations

import discord

from bot.client import DISCORD_UNAVAILABLE, REQUEST_ERRORS, ExtendBot
from bot.domain.errors import RequestRefused
from bot.domain.task import Task
from bot.i18n.text import tr
from cogs.common.permissions import PostableChannel


def get_postable_channel(guild: discord.Guild, channel_id: int) -> PostableChannel:
    """Return the server's channel with this id.

    Raises RequestRefused if it was deleted, is hidden from the bot, or has an unsupported type.
    """
    channel = guild.get_channel_or_thread(channel_id)
    if not isinstance(channel, discord.TextChannel | discord.ForumChannel | discord.Thread):
        raise RequestRefused(tr("I cannot see that channel: choose a text channel or a forum that I can see."))
    return channel


def get_task_guild(bot: ExtendBot, task: Task) -> discord.Guild:
    """Return the server where the task was started. Raises RequestRefused if the bot is not in it."""
    guild = bot.get_guild(task.order.guild_id) if task.order.guild_id else None
    if guild is None:
        raise RequestRefused(tr("That result was not made on a server that I am in, so it cannot be shared."))
    return guild


async def fetch_member(interaction: discord.Interaction[ExtendBot], guild: discord.Guild) -> discord.Member:
    """Return the interaction's user as a member of the server, also in a direct message. Raises RequestRefused."""
    user = interaction.user
    if isinstance(user, discord.Member) and user.guild.id == guild.id:
        return user
    try:
        return await guild.fetch_member(user.id)
    except discord.NotFound:
        raise RequestRefused(tr("You are no longer in that server, so you cannot share there.")) from None
    except REQUEST_ERRORS as error:
        raise RequestRefused(DISCORD_UNAVAILABLE) from error
