"""Where results can be shared, and who may share there."""

from __future__ import annotations

from typing import TypeAlias

import aiohttp
import discord

from bot.client import ExtendBot
from bot.task import Refused, Task

Venue: TypeAlias = discord.TextChannel | discord.ForumChannel | discord.Thread
VENUES = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.public_thread,
]
"""What Discord's own select offers."""

_NAMES = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "attach_files": "Attach Files",
    "embed_links": "Embed Links",
    "read_message_history": "Read Message History",
}


def venue(guild: discord.Guild, channel_id: int) -> Venue:
    """The server's channel of that id. Raises Refused when it is gone, hidden from the bot, or of another kind."""
    channel = guild.get_channel_or_thread(channel_id)
    if not isinstance(channel, discord.TextChannel | discord.ForumChannel | discord.Thread):
        raise Refused("I cannot see that channel: choose a text channel or a forum that I can see.")
    return channel


def missing(channel: Venue, member: discord.Member) -> list[str]:
    """The names of the permissions that the member lacks there for posting a film."""
    may = channel.permissions_for(member)
    in_thread = isinstance(channel, discord.Thread)
    speak = "send_messages_in_threads" if in_thread else "send_messages"
    needed = ("view_channel", speak, "attach_files", "embed_links")
    return [_NAMES[name] for name in needed if not getattr(may, name)]


def check_bot(channel: Venue) -> None:
    """Raises Refused where the bot may not post a film."""
    lacking = missing(channel, channel.guild.me)
    if not channel.permissions_for(channel.guild.me).read_message_history:
        lacking.append(_NAMES["read_message_history"])  # without it I could not find my own post again
    if lacking:
        raise Refused(
            f"In <#{channel.id}> I lack the permission {' and '.join(lacking)}: choose another channel, or ask a "
            "moderator to grant it."
        )


def check_member(channel: Venue, member: discord.Member, *, showcase: bool) -> None:
    """Raises Refused where the member may not post a film. The showcase is open to all who can see it."""
    lacking = missing(channel, member)
    if showcase:
        lacking = [name for name in lacking if name == _NAMES["view_channel"]]
    if lacking:
        raise Refused(
            f"In that channel you lack the permission {' and '.join(lacking)}: choose one in which you may post files."
        )


def guild_of(bot: ExtendBot, task: Task) -> discord.Guild:
    """The server in which the task was started. Raises Refused."""
    guild = bot.get_guild(task.order.guild_id) if task.order.guild_id else None
    if guild is None:
        raise Refused("That result belongs to no server that I am in, so there is nowhere to share it.")
    return guild


async def member_of(interaction: discord.Interaction[ExtendBot], guild: discord.Guild) -> discord.Member:
    """Whoever acts, as a member of that server, also from a direct message. Raises Refused."""
    user = interaction.user
    if isinstance(user, discord.Member) and user.guild.id == guild.id:
        return user
    try:
        return await guild.fetch_member(user.id)
    except discord.NotFound:
        raise Refused("You are no longer in that server, so you cannot share there.") from None
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Refused("Discord does not answer me just now: try again in a minute.") from error
