"""What moderators do, by command or on the panel: each asks the service and says in a sentence what became of it."""

from __future__ import annotations

import discord

from bot.client import ExtendBot
from bot.rules import Limits
from bot.task import Refused
from cogs import _rules
from cogs._moderators import guild_of_moderator

Interaction = discord.Interaction[ExtendBot]


async def change(interaction: Interaction, **changes: object) -> str:
    """Set limits, by the names of their fields. Raises Refused for values that cannot be."""
    old, new = await interaction.client.service.moderation.change_limits(
        guild_of_moderator(interaction), interaction.user.id, **changes
    )
    said = [_rules.change(name, old, new) for name in Limits.model_fields if getattr(old, name) != getattr(new, name)]
    if not said:
        return "Nothing changed: it was so already."
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


async def pause(interaction: Interaction, reason: str) -> str:
    """Let nobody start anything; members are shown the reason."""
    await change(interaction, paused=reason)
    told = f"Members are told: {_rules.words(reason, 300)}" if reason else "Members are not told why."
    return f"Paused: nothing new can be started, and what was accepted goes on. {told}"


async def resume(interaction: Interaction) -> str:
    """End a pause."""
    old, _ = await interaction.client.service.moderation.change_limits(
        guild_of_moderator(interaction), interaction.user.id, paused=None
    )
    return "Resumed: members can make videos longer again." if old.paused is not None else "It was not paused."


async def block(interaction: Interaction, user_id: int) -> str:
    """Let a member start nothing more."""
    moderation = interaction.client.service.moderation
    new = await moderation.block(guild_of_moderator(interaction), interaction.user.id, user_id)
    who = _rules.member(user_id)
    return f"Blocked {who}: they can start nothing here." if new else f"{who} was blocked already."


async def unblock(interaction: Interaction, user_id: int) -> str:
    """Take a block back."""
    moderation = interaction.client.service.moderation
    was = await moderation.unblock(guild_of_moderator(interaction), interaction.user.id, user_id)
    who = _rules.member(user_id)
    return f"Unblocked {who}." if was else f"{who} was not blocked."


async def reset(interaction: Interaction, user_id: int | None) -> str:
    """Count a member's last 24 hours, or the whole server's, from zero."""
    moderation = interaction.client.service.moderation
    await moderation.reset(guild_of_moderator(interaction), interaction.user.id, user_id)
    whose = "the server's" if user_id is None else f"{_rules.member(user_id)}'s"
    return f"Reset {whose} count: their last 24 hours begin again at 0." if user_id else f"Reset {whose} count to 0."


async def grant(interaction: Interaction, user_id: int, runs: int) -> str:
    """Give a member extra runs, once."""
    if runs < 1:
        raise Refused("Grant at least 1 extra run.")
    moderation = interaction.client.service.moderation
    have = await moderation.grant(guild_of_moderator(interaction), interaction.user.id, user_id, runs)
    return f"Granted {runs:,} extra runs to {_rules.member(user_id)}, who now has {have:,} beyond the daily number."


async def log_to(interaction: Interaction, channel_id: int | None) -> str:
    """Report to this channel from now on, or nowhere. Raises Refused for one in which the bot cannot write."""
    if channel_id is not None:
        guild = interaction.guild
        channel = guild.get_channel_or_thread(channel_id) if guild else None
        may = channel.permissions_for(guild.me) if guild and channel else discord.Permissions.none()
        if not (may.view_channel and may.send_messages):
            raise Refused(
                f"I cannot write in {_rules.channel(channel_id)}: give me View Channel and Send Messages there first."
            )
    return await change(interaction, log_channel_id=channel_id)
