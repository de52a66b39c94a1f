"""Send one private sentence: as the interaction's first response, or as a follow-up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import discord

from bot.client.request_check import count_requests
from bot.client.transport import REQUEST_ERRORS, Failure, classify, is_unavailable
from bot.domain.errors import ExtendBotError

log = logging.getLogger(__name__)
T = TypeVar("T")

ALREADY_ANSWERED = 40060
"""Discord docs, JSON Error Codes: the interaction was already acknowledged."""


class AnsweredElsewhere(ExtendBotError):
    """Another process, or an earlier delivery of the same event, has answered this interaction: stop in silence."""


_ATTEMPTED = "first response attempted"
_TRIES = 4
_FIRST_GAP = 0.25
"""Seconds before the second attempt; each gap is twice the previous one."""
_SECONDS = 60.0
"""The time limit for all attempts; discord.py itself retries some errors five times."""


@dataclass(frozen=True, slots=True)
class PrivateMessage:
    """What one member is told."""

    sentence: str
    embed: discord.Embed = discord.utils.MISSING
    view: discord.ui.View = discord.utils.MISSING


async def respond_first(interaction: discord.Interaction[Any], call: Callable[[], Awaitable[T]]) -> T:
    """Send the first response to an interaction by `call`. Raises AnsweredElsewhere, and what `call` raises.

    Discord accepts one first response. If it refuses ours although we have sent only one request for it, somebody else
    has answered; after an attempt whose answer was lost, the refusal can be the echo of our own.
    """
    is_first = not interaction.extras.get(_ATTEMPTED)
    with count_requests() as requests:
        try:
            return await call()
        except discord.HTTPException as error:
            if error.code == ALREADY_ANSWERED and is_first and requests.count == 1:
                raise AnsweredElsewhere("another process has answered") from error
            note_attempt(interaction)
            raise
        except BaseException:
            note_attempt(interaction)
            raise


def note_attempt(interaction: discord.Interaction[Any]) -> None:
    """Remember that Discord may have accepted a first response whose answer was lost."""
    interaction.extras[_ATTEMPTED] = True


async def tell_privately(interaction: discord.Interaction[Any], message: PrivateMessage, neutral: str) -> None:
    """Send `message` privately; raises AnsweredElsewhere, or the error of the last attempt.

    A public "is thinking…" is deleted first, because a follow-up would replace it and be public. If it cannot be
    deleted, it is edited to `neutral`, which does not name the reason.
    """
    async with asyncio.timeout(_SECONDS):
        if not interaction.response.is_done() and await _send_first_response(interaction, message):
            return
        kind = interaction.response.type
        waiting = kind is discord.InteractionResponseType.deferred_channel_message
        if kind is None:  # Discord acknowledged the response, but its answer was lost
            original = await _read_original(interaction)
            if original is not None and original.content == message.sentence:
                return
            waiting = original is not None and original.flags.loading and not original.flags.ephemeral
        if waiting:
            await _remove_placeholder(interaction, neutral)
        await _retry(
            lambda: interaction.followup.send(message.sentence, embed=message.embed, view=message.view, ephemeral=True)
        )


async def _send_first_response(interaction: discord.Interaction[Any], message: PrivateMessage) -> bool:
    """Send the first response; False if there was one already."""

    async def send() -> object:
        response, sentence = interaction.response, message.sentence
        return await respond_first(
            interaction,
            lambda: response.send_message(sentence, embed=message.embed, view=message.view, ephemeral=True),
        )

    try:
        await _retry(send)
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
            log.warning("could not read the response to an interaction: %s", type(error).__name__)
        return None


async def _remove_placeholder(interaction: discord.Interaction[Any], neutral: str) -> None:
    """Delete "is thinking…", or at least replace it."""
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
    except REQUEST_ERRORS as error:  # the follow-up replaces it: a public sentence is better than none
        log.warning("a placeholder could not be edited: %s", type(error).__name__)


async def _retry(call: Callable[[], Awaitable[T]]) -> T:
    """Call Discord, with retries while it is unavailable; raises the error of the last attempt."""
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
