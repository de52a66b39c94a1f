"""Where results can be shared, and who may share there."""

from __future__ import annotations

from typing import TypeAlias

import discord

from bot.client import DISCORD_UNAVAILABLE, REQUEST_ERRORS, ExtendBot
from bot.phrase import Translatable, tr
from bot.task import RequestRefused, Task

PostableChannel: TypeAlias = discord.TextChannel | discord.ForumChannel | discord.Thread
POSTABLE_CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.public_thread,
]
"""What Discord's own select offers."""

_READ_HISTORY = tr("Read Message History")
_VIEW = tr("View Channel")
_NAMES = {
    "view_channel": _VIEW,
    "send_messages": tr("Send Messages"),
    "send_messages_in_threads": tr("Send Messages in Threads"),
    "attach_files": tr("Attach Files"),
    "embed_links": tr("Embed Links"),
}


def postable_channel(guild: discord.Guild, channel_id: int) -> PostableChannel:
    """The server's channel of that id. Raises Refused when it is gone, hidden from the bot, or of another kind."""
    channel = guild.get_channel_or_thread(channel_id)
    if not isinstance(channel, discord.TextChannel | discord.ForumChannel | discord.Thread):
        raise RequestRefused(tr("I cannot see that channel: choose a text channel or a forum that I can see."))
    return channel


def missing_permissions(channel: PostableChannel, member: discord.Member) -> list[Translatable]:
    """The names of the permissions that the member lacks there for posting a film."""
    may = channel.permissions_for(member)
    in_thread = isinstance(channel, discord.Thread)
    speak = "send_messages_in_threads" if in_thread else "send_messages"
    needed = ("view_channel", speak, "attach_files", "embed_links")
    return [_NAMES[name] for name in needed if not getattr(may, name)]


def check_bot(channel: PostableChannel) -> None:
    """Raises Refused where the bot may not post a film."""
    lacking = missing_permissions(channel, channel.guild.me)
    if not channel.permissions_for(channel.guild.me).read_message_history:
        lacking.append(_READ_HISTORY)  # without it I could not find my own post again
    if lacking:
        raise RequestRefused(
            tr(
                "In <#{channel}> I lack the permission {permissions}: choose another channel, or ask a moderator to "
                "grant it.",
                channel=str(channel.id),
                permissions=tuple(lacking),
            )
        )


def check_member(channel: PostableChannel, member: discord.Member, *, showcase: bool) -> None:
    """Raises Refused where the member may not post a film. The showcase is open to all who can see it."""
    lacking = missing_permissions(channel, member)
    if showcase:
        lacking = [name for name in lacking if name == _VIEW]
    if lacking:
        raise RequestRefused(
            tr(
                "In that channel you lack the permission {permissions}: choose one in which you may post files.",
                permissions=tuple(lacking),
            )
        )


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
