"""Where results can be shared, and who may share there."""

from __future__ import annotations

import discord

from bot.client import DISCORD_UNAVAILABLE, REQUEST_ERRORS, ExtendBot
from bot.domain.errors import RequestRefused
from bot.domain.task import Task
from bot.i18n.text import tr
from cogs.common.permissions import PostableChannel


def postable_channel(guild: discord.Guild, channel_id: int) -> PostableChannel:
    """The server's channel of that id. Raises Refused when it is gone, hidden from the bot, or of another kind."""
    channel = guild.get_channel_or_thread(channel_id)
    if not isinstance(channel, discord.TextChannel | discord.ForumChannel | discord.Thread):
        raise RequestRefused(tr("I cannot see that channel: choose a text channel or a forum that I can see."))
    return channel


def guild_of(bot: ExtendBot, task: Task) -> discord.Guild:
    """The server in which the task was started. Raises Refused."""
    guild = bot.get_guild(task.order.guild_id) if task.order.guild_id else None
    if guild is None:
        raise RequestRefused(tr("That result belongs to no server that I am in, so there is nowhere to share it."))
    return guild


async def member_of(interaction: discord.Interaction[ExtendBot], guild: discord.Guild) -> discord.Member:
    """Whoever acts, as a member of that server, also from a direct message. Raises Refused."""
    user = interaction.user
    if isinstance(user, discord.Member) and user.guild.id == guild.id:
        return user
    try:
        return await guild.fetch_member(user.id)
    except discord.NotFound:
        raise RequestRefused(tr("You are no longer in that server, so you cannot share there.")) from None
    except REQUEST_ERRORS as error:
        raise RequestRefused(DISCORD_UNAVAILABLE) from error
