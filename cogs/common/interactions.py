"""Read an interaction: its requester and its reply. Acknowledge it within the three seconds that Discord allows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord

from bot.client import ALREADY_ANSWERED, REQUEST_ERRORS, ExtendBot, Failure, classify, is_unavailable
from bot.domain.errors import RequestRefused
from bot.domain.limits import Requester
from bot.domain.task import ReplyTarget
from bot.i18n.text import tr

_TOKEN_LIFETIME = timedelta(minutes=14)
"""Fifteen minutes (Discord docs, Receiving and Responding), less one for clocks and slow requests."""

NO_CHANNEL = tr("I cannot see which channel this is: use the command in a channel.")


def requester_of(interaction: discord.Interaction[ExtendBot]) -> Requester:
    """Who acts and where, for the rules; raises Refused."""
    channel, who = interaction.channel, interaction.user
    if interaction.channel_id is None:
        raise RequestRefused(NO_CHANNEL)
    parent = channel.parent_id if isinstance(channel, discord.Thread) else None
    restricted = getattr(channel, "is_nsfw", None)
    return Requester(
        user_id=who.id,
        guild_id=interaction.guild_id,
        # The ids as Discord sent them: Member.roles leaves out what the cache does not know (yet).
        role_ids=frozenset(who._roles) if isinstance(who, discord.Member) else frozenset(),
        channel_id=interaction.channel_id,
        parent_id=parent,
        age_restricted=bool(restricted and restricted()),
        moderator=interaction.guild_id is not None and interaction.permissions.manage_guild,
    )


def reply_target_of(
    interaction: discord.Interaction[ExtendBot], message_id: int | None, *, ephemeral: bool
) -> ReplyTarget:
    """Keep everything by which the reply can be found again, and the language of those who see it.

    Raises Refused when Discord did not say where it is.
    """
    if message_id is None or interaction.channel_id is None:
        raise RequestRefused(tr("Discord did not say where my reply is: try again."))
    # A member's own language for what only they see; the server's for what all of it see.
    locale = interaction.locale if ephemeral else interaction.guild_locale or interaction.locale
    return ReplyTarget(
        application_id=interaction.application_id,
        token=interaction.token,
        token_expires_at=interaction.created_at + _TOKEN_LIFETIME,
        channel_id=interaction.channel_id,
        message_id=message_id,
        guild_id=interaction.guild_id,
        ephemeral=ephemeral,
        filesize_limit=interaction.filesize_limit,
        locale=str(locale),
    )


async def acknowledge(
    interaction: discord.Interaction[Any], *, ephemeral: bool = False, thinking: bool = False
) -> int | None:
    """Defer, and return the id of the message that shows it: "is thinking…" if `thinking`, else the one pressed on."""
    try:
        return await _defer(interaction, ephemeral=ephemeral, thinking=thinking)
    except REQUEST_ERRORS as error:
        # Discord may have taken it and answered 5xx all the same, whereupon discord.py tried again.
        taken = isinstance(error, discord.HTTPException) and error.code == ALREADY_ANSWERED
        if not taken and not is_unavailable(error):
            raise
    try:
        return (await interaction.original_response()).id
    except discord.HTTPException as error:
        if classify(error) is not Failure.GONE:
            raise
    # It was not taken. Once more, because three seconds are soon over.
    return await _defer(interaction, ephemeral=ephemeral, thinking=thinking)


async def _defer(interaction: discord.Interaction[Any], *, ephemeral: bool, thinking: bool) -> int | None:
    answer = await interaction.response.defer(ephemeral=ephemeral, thinking=thinking)
    return answer.message_id if answer else None
