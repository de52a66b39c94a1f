"""The first response to an interaction, within three seconds, also when Discord's word that it was taken gets lost."""

from __future__ import annotations

from typing import Any

import discord

from bot.client import ALREADY_ANSWERED, REQUEST_ERRORS, Failure, classify, is_unavailable


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
