"""What moderators do, by command or on the panel: each asks the service and says in a sentence what became of it."""

from __future__ import annotations

import discord

from bot.client import ExtendBot, language_of
from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits
from bot.i18n import native_name
from bot.i18n.text import Translatable, tr, tr_plural, untranslated
from cogs.common import formatting
from cogs.common.permissions import require_moderator
from cogs.limits import text as limits_text

Interaction = discord.Interaction[ExtendBot]
AUTOMATIC = "auto"
"""Stands for no language of the server's own choice."""


async def change(interaction: Interaction, **changes: object) -> Translatable:
    """Set limits, by the names of their fields. Raises Refused for values that cannot be."""
    old, new = await interaction.client.services.moderation.change_limits(
        require_moderator(interaction), interaction.user.id, **changes
    )
    changed = [name for name in GuildLimits.model_fields if getattr(old, name) != getattr(new, name)]
    if not changed:
        return tr("Nothing changed: it was so already.")
    text = language_of(interaction).tr("{changes}.", changes=limits_text.changes(changed, old, new))
    return untranslated(f"{text[0].upper()}{text[1:]}")


async def pause(interaction: Interaction, reason: str) -> Translatable:
    """Let nobody start anything; members are shown the reason."""
    await change(interaction, paused=reason)
    if not reason:
        return tr("Paused: nothing new can be started, and what was accepted goes on. Members are not told why.")
    return tr(
        "Paused: nothing new can be started, and what was accepted goes on. Members are told: {reason}",
        reason=formatting.escape_line(reason, 300),
    )


async def resume(interaction: Interaction) -> Translatable:
    """End a pause."""
    old, _ = await interaction.client.services.moderation.change_limits(
        require_moderator(interaction), interaction.user.id, paused=None
    )
    if old.paused is None:
        return tr("It was not paused.")
    return tr("Resumed: members can make videos longer again.")


async def block(interaction: Interaction, user_id: int) -> Translatable:
    """Let a member start nothing more."""
    moderation = interaction.client.services.moderation
    new = await moderation.block(require_moderator(interaction), interaction.user.id, user_id)
    who = formatting.mention_member(user_id)
    return (
        tr("Blocked {who}: they can start nothing here.", who=who) if new else tr("{who} was blocked already.", who=who)
    )


async def unblock(interaction: Interaction, user_id: int) -> Translatable:
    """Take a block back."""
    moderation = interaction.client.services.moderation
    was = await moderation.unblock(require_moderator(interaction), interaction.user.id, user_id)
    who = formatting.mention_member(user_id)
    return tr("Unblocked {who}.", who=who) if was else tr("{who} was not blocked.", who=who)


async def reset(interaction: Interaction, user_id: int | None) -> Translatable:
    """Count a member's last 24 hours, or the whole server's, from zero."""
    moderation = interaction.client.services.moderation
    await moderation.reset(require_moderator(interaction), interaction.user.id, user_id)
    if user_id is None:
        return tr("Reset the server's count to 0.")
    return tr("Reset {who}'s count: their last 24 hours begin again at 0.", who=formatting.mention_member(user_id))


async def grant(interaction: Interaction, user_id: int, runs: int) -> Translatable:
    """Give a member extra runs, once."""
    if runs < 1:
        raise RequestRefused(tr("Grant at least 1 extra run."))
    moderation = interaction.client.services.moderation
    have = await moderation.grant(require_moderator(interaction), interaction.user.id, user_id, runs)
    return tr_plural(
        "Granted {count} extra run to {who}, who now has {have} beyond the daily number.",
        "Granted {count} extra runs to {who}, who now has {have} beyond the daily number.",
        runs,
        who=formatting.mention_member(user_id),
        have=have,
    )


async def set_log_channel(interaction: Interaction, channel_id: int | None) -> Translatable:
    """Report to this channel from now on, or nowhere. Raises Refused for one in which the bot cannot write."""
    if channel_id is not None:
        guild = interaction.guild
        channel = guild.get_channel_or_thread(channel_id) if guild else None
        may = channel.permissions_for(guild.me) if guild and channel else discord.Permissions.none()
        if not (may.view_channel and may.send_messages):
            raise RequestRefused(
                tr(
                    "I cannot write in {channel}: give me View Channel and Send Messages there first.",
                    channel=formatting.mention_channel(channel_id),
                )
            )
    return await change(interaction, log_channel_id=channel_id)


async def set_language(interaction: Interaction, chosen: str) -> Translatable:
    """Speak this language to everybody on the server: its code, its own name, or AUTOMATIC. Raises Refused."""
    wanted = chosen.strip().casefold()
    names = {each.casefold(): each for each in interaction.client.languages.codes}
    names |= {native_name(code).casefold(): code for code in names.values()}
    if wanted not in {AUTOMATIC, *names}:
        raise RequestRefused(tr("“{value}” is no language that I speak: choose one from the list.", value=chosen[:50]))
    return await change(interaction, language=names.get(wanted))
