"""One sentence that only the member sees, whatever stands in the way: the first answer, or a follow-up to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import discord

from bot.client.transport import REQUEST_ERRORS, Failure, classify, is_unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

ALREADY_ANSWERED = 40060
"""Discord docs, JSON Error Codes: the interaction has had its first answer."""
_TRIES = 4
_FIRST_GAP = 0.25
"""Seconds before the second try; each gap is twice the one before."""
_SECONDS = 60.0
"""For all of it; discord.py itself tries five times on some errors."""


async def tell_privately(interaction: discord.Interaction[Any], sentence: str, neutral: str) -> None:
    """Send `sentence` so that only the member sees it; raises what the last try raised.

    A public "is thinking…" is taken away first, because a follow-up would take its place and be public. If Discord does
    not let it be deleted, it becomes `neutral`, which says nothing of the reason.
    """
    async with asyncio.timeout(_SECONDS):
        if not interaction.response.is_done() and await _answer(interaction, sentence):
            return
        kind = interaction.response.type
        waiting = kind is discord.InteractionResponseType.deferred_channel_message
        if kind is None:  # something was answered, and only Discord's word of that was lost
            original = await _read_original(interaction)
            if original is not None and original.content == sentence:
                return
            waiting = original is not None and original.flags.loading and not original.flags.ephemeral
        if waiting:
            await _take_away(interaction, neutral)
        await _retry(lambda: interaction.followup.send(sentence, ephemeral=True))


async def _answer(interaction: discord.Interaction[Any], sentence: str) -> bool:
    """Make it the first answer; False if there was one already."""
    try:
        await _retry(lambda: interaction.response.send_message(sentence, ephemeral=True))
    except discord.HTTPException as error:
        if error.code != ALREADY_ANSWERED:
            raise
        return False
    return True


async def _read_original(interaction: discord.Interaction[Any]) -> discord.InteractionMessage | None:
    try:
        return await _retry(interaction.original_response)
    except REQUEST_ERRORS as error:
        if classify(error) is not Failure.GONE:
            log.warning("could not read what an interaction was answered with: %s", type(error).__name__)
        return None


async def _take_away(interaction: discord.Interaction[Any], neutral: str) -> None:
    """Delete "is thinking…", or at least end it."""
    try:
        await _retry(interaction.delete_original_response)
    except REQUEST_ERRORS as error:
        if classify(error) is Failure.GONE:
            return
        log.warning("a placeholder could not be deleted: %s", type(error).__name__)
    else:
        return
    try:
        await _retry(lambda: interaction.edit_original_response(content=neutral))
    except REQUEST_ERRORS as error:  # the follow-up takes its place: better public than not at all
        log.warning("a placeholder could not be edited: %s", type(error).__name__)


async def _retry(call: Callable[[], Awaitable[T]]) -> T:
    """Do it, a few times if Discord does not answer; raises what the last try raised."""
    gap = _FIRST_GAP
    for _ in range(_TRIES - 1):
        try:
            return await call()
        except REQUEST_ERRORS as error:
            if not is_unavailable(error):
                raise
        await asyncio.sleep(gap)
        gap *= 2
    return await call()
