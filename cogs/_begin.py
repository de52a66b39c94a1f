"""How every conversation that ends in a task begins: one reply, and where it can be found again."""

from __future__ import annotations

from datetime import timedelta

import discord

from bot.client import ExtendBot
from bot.phrase import tr
from bot.rules import Requester
from bot.service import make_request
from bot.task import ReplyTarget, RequestRefused, ResultKind, TaskRequest
from cogs._acknowledge import acknowledge
from cogs._fresh import refresh_url
from cogs._sources import VideoSource, from_link

_TOKEN_LIVES = timedelta(minutes=14)
"""Fifteen minutes (Discord docs, Receiving and Responding), less one for clocks and slow requests."""

_NO_CHANNEL = tr("I cannot see which channel this is: use the command in a channel.")


async def submit_request(
    interaction: discord.Interaction[ExtendBot], order: TaskRequest, *, again: bool = False
) -> None:
    """Answer with the one reply and hand the order over; raises Refused.

    The order's source may still be a Discord message link, and if it is an order `again`, a link that has ended: either
    takes a request, and the first response does not wait for it.
    """
    _check_permissions(interaction)
    with interaction.client.response_gate.responding():
        message_id = await acknowledge(interaction, ephemeral=order.private, thinking=True)
    await interaction.client.response_gate.wait_until_idle()
    url = await refresh_url(interaction.client, order.source_url) if again else order.source_url
    source = await from_link(interaction, url)
    known = {"source_name": source.name or order.source_name, "source_bytes": source.size or order.source_bytes}
    order = order.model_copy(update={"source_url": source.url, **known})
    place = reply_target_of(interaction, message_id, ephemeral=order.private)
    await interaction.client.service.submit(order, place, requester_of(interaction))


def request_from(
    interaction: discord.Interaction[ExtendBot],
    prompt: str,
    source: VideoSource,
    seconds: int,
    *,
    result: ResultKind = ResultKind.FILM,
    private: bool = False,
) -> TaskRequest:
    """Make the order of whoever acts, here; raises Refused."""
    if interaction.channel_id is None:
        raise RequestRefused(_NO_CHANNEL)
    return make_request(
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        prompt=prompt,
        source_url=source.url,
        source_name=source.name,
        source_bytes=source.size,
        seconds=seconds,
        result=result,
        private=private,
    )


def requester_of(interaction: discord.Interaction[ExtendBot]) -> Requester:
    """Who acts and where, for the rules; raises Refused."""
    channel, who = interaction.channel, interaction.user
    if interaction.channel_id is None:
        raise RequestRefused(_NO_CHANNEL)
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
        token_expires_at=interaction.created_at + _TOKEN_LIVES,
        channel_id=interaction.channel_id,
        message_id=message_id,
        guild_id=interaction.guild_id,
        ephemeral=ephemeral,
        filesize_limit=interaction.filesize_limit,
        locale=str(locale),
    )


def _check_permissions(interaction: discord.Interaction[ExtendBot]) -> None:
    if interaction.guild_id is None:
        return
    may = interaction.app_permissions
    needed = (
        (tr("View Channel"), may.view_channel),
        (tr("Embed Links"), may.embed_links),
        (tr("Attach Files"), may.attach_files),
    )
    if missing := tuple(name for name, has in needed if not has):
        raise RequestRefused(
            tr("I lack the permission {names} in this channel: ask a moderator to grant it.", names=missing)
        )
