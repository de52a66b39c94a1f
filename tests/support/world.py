"""What tests look up and change in the Discord fake's world, and the sandbox itself does not need."""

from __future__ import annotations

from bot.sandbox.discord.state import serialize
from bot.sandbox.discord.state.changes import GUILDS, LiveWorld
from bot.sandbox.discord.state.model import Channel, Guild, Role, User


def find_user(world: LiveWorld, name: str) -> User:
    """The user with that name; raises KeyError."""
    return {user.name: user for user in world.users.values()}[name]


def find_channel(world: LiveWorld, name: str) -> Channel:
    """The server channel with that name (without #); raises KeyError."""
    return {channel.name: channel for channel in world.channels.values() if not channel.dm}[name]


def invite_bot(world: LiveWorld, guild_id: str) -> None:
    """Add the bot (back) to a server and dispatch GUILD_CREATE."""
    guild = world.guilds[guild_id]
    guild.members[world.bot.id] = []
    created = serialize.full_guild(world, guild, all_members=False)
    # Discord sends `unavailable` after an outage or at the start, and leaves it out when a bot joins.
    del created["unavailable"]
    world.dispatch("GUILD_CREATE", created, GUILDS)


def add_role(world: LiveWorld, guild: Guild, name: str, permission_bits: int) -> Role:
    """Add a role above the others and dispatch GUILD_ROLE_CREATE."""
    role = Role(world.ids.next(), name, permission_bits, position=len(guild.roles))
    guild.roles[role.id] = role
    world.dispatch("GUILD_ROLE_CREATE", {"guild_id": guild.id, "role": serialize.role(role)}, GUILDS)
    return role
