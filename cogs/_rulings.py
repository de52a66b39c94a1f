"""What moderators do, by command or on the panel: each asks the service and says in a sentence what became of it."""

from __future__ import annotations

import discord

from bot.client import ExtendBot, language_of
from bot.languages import own_name
from bot.phrase import Phrase, counted, say, verbatim
from bot.rules import Limits
from bot.task import Refused
from cogs import _rules
from cogs._moderators import guild_of_moderator

Interaction = discord.Interaction[ExtendBot]
AUTOMATIC = "auto"
"""Stands for no language of the server's own choice."""


async def change(interaction: Interaction, **changes: object) -> Phrase:
    """Set limits, by the names of their fields. Raises Refused for values that cannot be."""
    old, new = await interaction.client.service.moderation.change_limits(
        guild_of_moderator(interaction), interaction.user.id, **changes
    )
    changed = [name for name in Limits.model_fields if getattr(old, name) != getattr(new, name)]
    if not changed:
        return say("Nothing changed: it was so already.")
    text = language_of(interaction).say("{changes}.", changes=_rules.changes(changed, old, new))
    return verbatim(f"{text[0].upper()}{text[1:]}")


async def pause(interaction: Interaction, reason: str) -> Phrase:
    """Let nobody start anything; members are shown the reason."""
    await change(interaction, paused=reason)
    if not reason:
        return say("Paused: nothing new can be started, and what was accepted goes on. Members are not told why.")
    return say(
        "Paused: nothing new can be started, and what was accepted goes on. Members are told: {reason}",
        reason=_rules.words(reason, 300),
    )


async def resume(interaction: Interaction) -> Phrase:
    """End a pause."""
    old, _ = await interaction.client.service.moderation.change_limits(
        guild_of_moderator(interaction), interaction.user.id, paused=None
    )
    if old.paused is None:
        return say("It was not paused.")
    return say("Resumed: members can make videos longer again.")


async def block(interaction: Interaction, user_id: int) -> Phrase:
    """Let a member start nothing more."""
    moderation = interaction.client.service.moderation
    new = await moderation.block(guild_of_moderator(interaction), interaction.user.id, user_id)
    who = _rules.member(user_id)
    return (
        say("Blocked {who}: they can start nothing here.", who=who)
        if new
        else say("{who} was blocked already.", who=who)
    )


async def unblock(interaction: Interaction, user_id: int) -> Phrase:
    """Take a block back."""
    moderation = interaction.client.service.moderation
    was = await moderation.unblock(guild_of_moderator(interaction), interaction.user.id, user_id)
    who = _rules.member(user_id)
    return say("Unblocked {who}.", who=who) if was else say("{who} was not blocked.", who=who)


async def reset(interaction: Interaction, user_id: int | None) -> Phrase:
    """Count a member's last 24 hours, or the whole server's, from zero."""
    moderation = interaction.client.service.moderation
    await moderation.reset(guild_of_moderator(interaction), interaction.user.id, user_id)
    if user_id is None:
        return say("Reset the server's count to 0.")
    return say("Reset {who}'s count: their last 24 hours begin again at 0.", who=_rules.member(user_id))


async def grant(interaction: Interaction, user_id: int, runs: int) -> Phrase:
    """Give a member extra runs, once."""
    if runs < 1:
        raise Refused(say("Grant at least 1 extra run."))
    moderation = interaction.client.service.moderation
    have = await moderation.grant(guild_of_moderator(interaction), interaction.user.id, user_id, runs)
    return counted(
        "Granted {count} extra run to {who}, who now has {have} beyond the daily number.",
        "Granted {count} extra runs to {who}, who now has {have} beyond the daily number.",
        runs,
        who=_rules.member(user_id),
        have=have,
    )


async def log_to(interaction: Interaction, channel_id: int | None) -> Phrase:
    """Report to this channel from now on, or nowhere. Raises Refused for one in which the bot cannot write."""
    if channel_id is not None:
        guild = interaction.guild
        channel = guild.get_channel_or_thread(channel_id) if guild else None
        may = channel.permissions_for(guild.me) if guild and channel else discord.Permissions.none()
        if not (may.view_channel and may.send_messages):
            raise Refused(
                say(
                    "I cannot write in {channel}: give me View Channel and Send Messages there first.",
                    channel=_rules.channel(channel_id),
                )
            )
    return await change(interaction, log_channel_id=channel_id)


async def speak(interaction: Interaction, chosen: str) -> Phrase:
    """Speak this language to everybody on the server: its code, its own name, or AUTOMATIC. Raises Refused."""
    wanted = chosen.strip().casefold()
    names = {each.casefold(): each for each in interaction.client.languages.codes}
    names |= {own_name(code).casefold(): code for code in names.values()}
    if wanted not in {AUTOMATIC, *names}:
        raise Refused(say("“{value}” is no language that I speak: choose one from the list.", value=chosen[:50]))
    return await change(interaction, language=names.get(wanted))
