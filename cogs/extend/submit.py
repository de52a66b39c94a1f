"""Builds a request from an interaction and submits it: opens the reply, resolves the source, creates the task."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import discord

from bot.client import ExtendBot
from bot.domain.task import ResultKind, TaskRequest
from bot.services import make_request
from cogs.common.interactions import acknowledge, channel_id_of, reply_target_of, requester_of
from cogs.common.links import check_link, refresh_url, resolve_link
from cogs.common.permissions import check_reply_permissions
from cogs.common.videos import VideoSource, is_spoiler_channel

_EARLY_SECONDS = 1.0
"""Part of the three seconds within which a command must be acknowledged."""


async def submit_request(interaction: discord.Interaction[ExtendBot], request: TaskRequest) -> None:
    """Open the task's reply and submit the request. Raises RequestRefused.

    The source may still be a Discord message link, or an expired link to a file. Both are resolved after the first
    response, because each takes a request to Discord.
    """
    check_link(request.source_url)
    check_reply_permissions(interaction)
    await _refuse_early(interaction, request)
    with interaction.client.response_gate.responding():
        message_id = await acknowledge(interaction, ephemeral=request.private, thinking=True)
    await interaction.client.response_gate.wait_until_idle()
    source = await resolve_link(interaction, await refresh_url(interaction.client, request.source_url))
    known = {"source_name": source.name or request.source_name, "source_bytes": source.size or request.source_bytes}
    known["spoiler"] = source.spoiler or request.spoiler
    request = request.model_copy(update={"source_url": source.url, **known})
    target = reply_target_of(interaction, message_id, ephemeral=request.private)
    await interaction.client.services.tasks.submit(request, target, requester_of(interaction))


async def _refuse_early(interaction: discord.Interaction[ExtendBot], request: TaskRequest) -> None:
    """Refuse before a public reply is opened, which would have to be removed again. Raises RequestRefused.

    Many simultaneous commands are checked after their first response instead, so that none of these is late.
    """
    if interaction.client.response_gate.is_crowded:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_EARLY_SECONDS):
            await interaction.client.services.tasks.check(request, requester_of(interaction))


def build_request(
    interaction: discord.Interaction[ExtendBot],
    prompt: str,
    source: VideoSource,
    seconds: int,
    *,
    result: ResultKind = ResultKind.FILM,
    private: bool = False,
) -> TaskRequest:
    """Build the member's request for this channel. Raises RequestRefused."""
    return make_request(
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
        channel_id=channel_id_of(interaction),
        prompt=prompt,
        source_url=source.url,
        source_name=source.name,
        source_bytes=source.size,
        seconds=seconds,
        result=result,
        private=private,
        spoiler=source.spoiler or is_spoiler_channel(interaction.channel),
    )
