"""Permission checks: who may change a server's limits, and where the bot and members may post.

Every handler checks again, because Discord's own command permissions only decide who is offered a command.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import discord

from bot.client import ExtendBot
from bot.domain.errors import RequestRefused
from bot.i18n.text import Translatable, tr
from cogs.common.interactions import acknowledge

_ONLY_MODERATORS = tr("Only members with the permission Manage Server can see or change this server's limits.")

_ONLY_IN_SERVERS = tr("Limits belong to a server. Use this command in one of its channels.")

PostableChannel: TypeAlias = discord.TextChannel | discord.ForumChannel | discord.Thread

POSTABLE_CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.public_thread,
]
"""The channel types that the channel select offers."""

_READ_HISTORY = tr("Read Message History")

_VIEW = tr("View Channel")

_NAMES = {
    "view_channel": _VIEW,
    "send_messages": tr("Send Messages"),
    "send_messages_in_threads": tr("Send Messages in Threads"),
    "attach_files": tr("Attach Files"),
    "embed_links": tr("Embed Links"),
}


def require_moderator(interaction: discord.Interaction[Any]) -> int:
    """Return the server's id. Raises RequestRefused unless the member has Manage Server.

    Server admins may offer a command to other roles, and a panel stays open when its opener loses the role (Discord
    docs, Application Command Permissions). So the permissions sent with this interaction decide.
    """
    if interaction.guild_id is None:
        raise RequestRefused(_ONLY_IN_SERVERS)
    if not interaction.permissions.manage_guild:
        raise RequestRefused(_ONLY_MODERATORS)
    return interaction.guild_id


async def defer_ephemeral(interaction: discord.Interaction[ExtendBot]) -> int:
    """Require a moderator, defer with an ephemeral "is thinking…", and return the server's id."""
    guild_id = require_moderator(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    return guild_id


def check_reply_permissions(interaction: discord.Interaction[ExtendBot]) -> None:
    """Raise RequestRefused if the bot lacks a permission that a task's reply needs, or the thread is locked."""
    if interaction.guild_id is None:
        return
    channel = interaction.channel
    if isinstance(channel, discord.Thread) and channel.locked and not interaction.app_permissions.manage_threads:
        raise RequestRefused(
            tr("This thread is locked, so the bot could not show your video here. Use the command in another channel.")
        )
    needed = ("view_channel", "embed_links", "attach_files")
    if missing := tuple(_NAMES[name] for name in needed if not getattr(interaction.app_permissions, name)):
        raise RequestRefused(
            tr("The bot lacks the permission {names} in this channel. Ask a moderator to grant it.", names=missing)
        )


def missing_permissions(channel: PostableChannel, member: discord.Member) -> list[Translatable]:
    """Return the names of the permissions that the member lacks for posting a video in the channel."""
    may = channel.permissions_for(member)
    in_thread = isinstance(channel, discord.Thread)
    speak = "send_messages_in_threads" if in_thread else "send_messages"
    needed = ("view_channel", speak, "attach_files", "embed_links")
    return [_NAMES[name] for name in needed if not getattr(may, name)]


def check_bot_may_post(channel: PostableChannel) -> None:
    """Raise RequestRefused if the bot may not post a video in the channel."""
    lacking = missing_permissions(channel, channel.guild.me)
    if not channel.permissions_for(channel.guild.me).read_message_history:
        lacking.append(_READ_HISTORY)  # needed to find the post again
    if lacking:
        raise RequestRefused(
            tr(
                "The bot lacks the permission {permissions} in <#{channel}>. Choose another channel, or ask a "
                "moderator to grant it.",
                channel=str(channel.id),
                permissions=tuple(lacking),
            )
        )


def check_member_may_post(channel: PostableChannel, member: discord.Member, *, showcase: bool) -> None:
    """Raise RequestRefused if the member may not post a video there. In the showcase, seeing the channel is enough."""
    lacking = missing_permissions(channel, member)
    if showcase:
        lacking = [name for name in lacking if name == _VIEW]
    if lacking:
        raise RequestRefused(
            tr(
                "You lack the permission {permissions} in that channel. Choose a channel in which you may post files.",
                permissions=tuple(lacking),
            )
        )
