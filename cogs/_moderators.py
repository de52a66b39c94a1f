"""Who may change a server's limits: checked in every handler, for what Discord offers is only a hint."""

from __future__ import annotations

from typing import Any

import discord

from bot.client import ExtendBot
from bot.phrase import tr
from bot.task import RequestRefused
from cogs._acknowledge import acknowledge

_ONLY_MODERATORS = tr("Only members with the permission Manage Server can see or change this server's limits.")
_ONLY_IN_SERVERS = tr("Limits belong to a server: use this in one of its channels.")


def require_moderator(interaction: discord.Interaction[Any]) -> int:
    """The server's id, for a member who has Manage Server in it now; raises Refused for anybody else.

    Server admins may give a command to other roles, and a panel stays open when its opener loses the role (Discord
    docs, Application Command Permissions), so the permissions that came with this very interaction decide.
    """
    if interaction.guild_id is None:
        raise RequestRefused(_ONLY_IN_SERVERS)
    if not interaction.permissions.manage_guild:
        raise RequestRefused(_ONLY_MODERATORS)
    return interaction.guild_id


async def defer_ephemeral(interaction: discord.Interaction[ExtendBot]) -> int:
    """Check as `guild_of_moderator`, then show "is thinking…" to this member alone; the server's id."""
    guild_id = require_moderator(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    return guild_id
