"""Read an interaction: its requester and its reply. Acknowledge it within the three seconds that Discord allows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord

from bot.client import ALREADY_ANSWERED, REQUEST_ERRORS, ExtendBot, Failure, classify, is_unavailable, respond_first
from bot.domain.errors import RequestRefused
from bot.domain.limits import Requester
from bot.domain.task import ReplyTarget
from bot.i18n.text import tr
from bot.services.ownership import Actor

_TOKEN_LIFETIME = timedelta(minutes=14)
"""Fifteen minutes (Discord docs, Receiving and Responding), less one for clock skew and slow requests."""

_NO_CHANNEL = tr("Discord did not say which channel this is. Use the command in a channel.")


def channel_id_of(interaction: discord.Interaction[ExtendBot]) -> int:
    """Return the id of the interaction's channel. Raises RequestRefused if Discord sent none."""
    if interaction.channel_id is None:
        raise RequestRefused(_NO_CHANNEL)
    return interaction.channel_id


def requester_of(interaction: discord.Interaction[ExtendBot]) -> Requester:
    """Return who acts and where, as the limits need it. Raises RequestRefused if Discord sent no channel."""
    channel, user = interaction.channel, interaction.user
    return Requester(
        user_id=user.id,
        guild_id=interaction.guild_id,
        # The ids as Discord sent them: Member.roles omits roles that are not (yet) in the cache.
        role_ids=frozenset(user._roles) if isinstance(user, discord.Member) else frozenset(),
        channel_id=channel_id_of(interaction),
        parent_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
        age_restricted=is_age_restricted(channel),
        moderator=interaction.guild_id is not None and interaction.permissions.manage_guild,
    )


def is_age_restricted(channel: object) -> bool:
    """Whether a channel, or the parent of a thread, is age-restricted; False for a channel that is not known."""
    is_nsfw = getattr(channel, "is_nsfw", None)
    return bool(is_nsfw and is_nsfw())


def reply_target_of(
    interaction: discord.Interaction[ExtendBot], message_id: int | None, *, ephemeral: bool
) -> ReplyTarget:
    """Return what is needed to edit the reply later, and the language of its readers.

    Raises RequestRefused if Discord did not say where the reply is.
    """
    if message_id is None or interaction.channel_id is None:
        raise RequestRefused(tr("Discord did not say where the bot's reply is. Try again."))
    # An ephemeral reply is in the member's language, a public one in the server's.
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
    """Defer the response, even if Discord's answer to that request is lost.

    Returns the id of the message that shows it: "is thinking…" if `thinking`, else the message pressed on. Raises
    AnsweredElsewhere if another process has answered.
    """
    try:
        return await respond_first(interaction, lambda: _defer(interaction, ephemeral=ephemeral, thinking=thinking))
    except REQUEST_ERRORS as error:
        # Discord may accept the response and still answer 5xx; discord.py then sends it again.
        accepted = isinstance(error, discord.HTTPException) and error.code == ALREADY_ANSWERED
        if not accepted and not is_unavailable(error):
            raise
    try:
        return (await interaction.original_response()).id
    except discord.HTTPException as error:
        if classify(error) is not Failure.GONE:
            raise
    # It was not accepted. There is time for one retry within the three seconds.
    return await _defer(interaction, ephemeral=ephemeral, thinking=thinking)


async def _defer(interaction: discord.Interaction[Any], *, ephemeral: bool, thinking: bool) -> int | None:
    response = await interaction.response.defer(ephemeral=ephemeral, thinking=thinking)
    return response.message_id if response else None


def actor_of(interaction: discord.Interaction[ExtendBot]) -> Actor:
    """Return who pressed, and their permissions in this channel."""
    may = interaction.permissions if interaction.guild_id else discord.Permissions.none()
    return Actor(
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        manages_server=may.manage_guild,
        manages_messages=may.manage_messages,
    )
