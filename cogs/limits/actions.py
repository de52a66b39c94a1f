"""The moderators' actions, shared by the commands and the panel: each calls the service and describes the result."""

from __future__ import annotations

from datetime import timedelta

import discord
from discord.utils import format_dt

from bot.client import ExtendBot, get_language
from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits
from bot.i18n import get_native_name
from bot.i18n.text import Translatable, tr, tr_plural, untranslated
from cogs.common import formatting
from cogs.common.permissions import require_moderator
from cogs.limits import text as limits_text

Interaction = discord.Interaction[ExtendBot]
AUTOMATIC = "auto"
"""The choice that clears the server's own language."""


async def change_limits(interaction: Interaction, **changes: object) -> Translatable:
    """Set limits by field name. Raises RequestRefused for an invalid value."""
    old, new = await interaction.client.services.moderation.change_limits(
        require_moderator(interaction), interaction.user.id, **changes
    )
    changed = [name for name in GuildLimits.model_fields if getattr(old, name) != getattr(new, name)]
    if not changed:
        return tr("Nothing changed: these values were already set.")
    text = get_language(interaction).tr("{changes}.", changes=limits_text.describe_changes(changed, old, new))
    return untranslated(f"{text[0].upper()}{text[1:]}")


async def pause(interaction: Interaction, reason: str, hours: int | None = None) -> Translatable:
    """Stop all members from starting tasks, for `hours` or until a moderator resumes. An empty reason is not shown."""
    until = interaction.client.now() + timedelta(hours=hours) if hours else None
    await change_limits(interaction, paused=reason, paused_until=until)
    what = tr("Paused: members cannot start new tasks, and accepted tasks continue.")
    if until:
        when = format_dt(until, "f")
        what = tr("Paused until {when}: members cannot start new tasks, and accepted tasks continue.", when=when)
    if not reason:
        return tr("{what} No reason is shown.", what=what)
    return tr("{what} Members see this reason: {reason}", what=what, reason=formatting.escape_line(reason, 300))


async def resume(interaction: Interaction) -> Translatable:
    """End a pause."""
    old, _ = await interaction.client.services.moderation.change_limits(
        require_moderator(interaction), interaction.user.id, paused=None, paused_until=None
    )
    if not old.is_paused(interaction.client.now()):
        return tr("This server was not paused.")
    return tr("Resumed: members can extend videos again.")


async def block(interaction: Interaction, user_id: int) -> Translatable:
    """Stop a member from starting tasks."""
    moderation = interaction.client.services.moderation
    new = await moderation.block(require_moderator(interaction), interaction.user.id, user_id)
    who = formatting.mention_member(user_id)
    return (
        tr("Blocked {who}: they cannot start tasks here.", who=who)
        if new
        else tr("{who} was already blocked.", who=who)
    )


async def unblock(interaction: Interaction, user_id: int) -> Translatable:
    """Unblock a member."""
    moderation = interaction.client.services.moderation
    was = await moderation.unblock(require_moderator(interaction), interaction.user.id, user_id)
    who = formatting.mention_member(user_id)
    return tr("Unblocked {who}.", who=who) if was else tr("{who} was not blocked.", who=who)


async def reset(interaction: Interaction, user_id: int | None) -> Translatable:
    """Reset the 24-hour count of a member, or of the server when `user_id` is None."""
    moderation = interaction.client.services.moderation
    await moderation.reset(require_moderator(interaction), interaction.user.id, user_id)
    if user_id is None:
        return tr("Reset the server's 24-hour count to 0.")
    return tr("Reset {who}'s 24-hour count to 0.", who=formatting.mention_member(user_id))


async def grant(interaction: Interaction, user_id: int, runs: int) -> Translatable:
    """Grant a member extra runs. Raises RequestRefused for less than one."""
    if runs < 1:
        raise RequestRefused(tr("Grant at least 1 extra run."))
    moderation = interaction.client.services.moderation
    have = await moderation.grant(require_moderator(interaction), interaction.user.id, user_id, runs)
    return tr_plural(
        "Granted {count} extra run to {who}, who now has {have} in addition to the daily limit.",
        "Granted {count} extra runs to {who}, who now has {have} in addition to the daily limit.",
        runs,
        who=formatting.mention_member(user_id),
        have=have,
    )


async def set_log_channel(interaction: Interaction, channel_id: int | None) -> Translatable:
    """Set the log channel, or turn the log off with None. Raises RequestRefused if the bot cannot write there."""
    if channel_id is not None:
        guild = interaction.guild
        channel = guild.get_channel_or_thread(channel_id) if guild else None
        may = channel.permissions_for(guild.me) if guild and channel else discord.Permissions.none()
        can_write = may.send_messages_in_threads if isinstance(channel, discord.Thread) else may.send_messages
        if not (may.view_channel and can_write):
            raise RequestRefused(
                tr(
                    "I cannot write in {channel}: grant me View Channel and Send Messages there first.",
                    channel=formatting.mention_channel(channel_id),
                )
            )
    changed = await change_limits(interaction, log_channel_id=channel_id)
    if channel_id is None or not _is_public(interaction, channel_id):
        return changed
    return tr(
        "{changed}\n⚠️ Every member can read {channel}, and the log quotes prompts. Choose a moderators' channel if you "
        "do not want that.",
        changed=changed,
        channel=formatting.mention_channel(channel_id),
    )


async def describe_log(interaction: Interaction) -> Translatable:
    """Say where the log goes."""
    limits = await interaction.client.services.moderation.get_limits(require_moderator(interaction))
    if limits.log_channel_id is None:
        return tr("There is no log. Choose a channel for it with /limits log channel.")
    return tr(
        "The log goes to {channel}. Turn it off with /limits log off.",
        channel=formatting.mention_channel(limits.log_channel_id),
    )


def _is_public(interaction: Interaction, channel_id: int) -> bool:
    """Whether members without any role can read the channel."""
    guild = interaction.guild
    channel = guild.get_channel_or_thread(channel_id) if guild else None
    where = channel.parent if isinstance(channel, discord.Thread) else channel
    return bool(guild and where and where.permissions_for(guild.default_role).view_channel)


async def set_language(interaction: Interaction, chosen: str) -> Translatable:
    """Set the language of the server's public messages, by code, native name or AUTOMATIC. Raises RequestRefused."""
    wanted = chosen.strip().casefold()
    names = {each.casefold(): each for each in interaction.client.languages.codes}
    names |= {get_native_name(code).casefold(): code for code in names.values()}
    if wanted not in {AUTOMATIC, *names}:
        raise RequestRefused(
            tr("I do not support the language “{value}”: choose one from the list.", value=chosen[:50])
        )
    return await change_limits(interaction, language=names.get(wanted))
