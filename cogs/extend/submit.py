"""How every conversation that ends in a task begins: one reply, and where it can be found again."""

from __future__ import annotations

import discord

from bot.client import ExtendBot
from bot.domain.errors import RequestRefused
from bot.domain.task import ResultKind, TaskRequest
from bot.services import make_request
from cogs.common.interactions import NO_CHANNEL, acknowledge, reply_target_of, requester_of
from cogs.common.permissions import check_reply_permissions
from cogs.common.videos import VideoSource, refresh_url, resolve_link


async def submit_request(
    interaction: discord.Interaction[ExtendBot], order: TaskRequest, *, again: bool = False
) -> None:
    """Answer with the one reply and hand the order over; raises Refused.

    The order's source may still be a Discord message link, and if it is an order `again`, a link that has ended: either
    takes a request, and the first response does not wait for it.
    """
    check_reply_permissions(interaction)
    with interaction.client.response_gate.responding():
        message_id = await acknowledge(interaction, ephemeral=order.private, thinking=True)
    await interaction.client.response_gate.wait_until_idle()
    url = await refresh_url(interaction.client, order.source_url) if again else order.source_url
    source = await resolve_link(interaction, url)
    known = {"source_name": source.name or order.source_name, "source_bytes": source.size or order.source_bytes}
    order = order.model_copy(update={"source_url": source.url, **known})
    place = reply_target_of(interaction, message_id, ephemeral=order.private)
    await interaction.client.service.submit(order, place, requester_of(interaction))


def build_request(
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
        raise RequestRefused(NO_CHANNEL)
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
