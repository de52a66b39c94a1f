"""What only the member sees: errors as one sentence, in their own language."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord

from bot.languages import Language
from bot.phrase import say
from bot.task import Refused

if TYPE_CHECKING:
    from bot.client.bot import ExtendBot

log = logging.getLogger(__name__)

ALREADY_ANSWERED, _GIVEN_UP = 40060, 10062
"""Discord docs, JSON Error Codes: the interaction has had its first answer; it is not waited for any more."""
_UNFORESEEN = say("Something went wrong on my side, and I have told my log: try again in a minute.")


def language_of(interaction: discord.Interaction[ExtendBot]) -> Language:
    """The member's own language, for what only they see."""
    return interaction.client.languages.of(str(interaction.locale))


async def answer_error(interaction: discord.Interaction[ExtendBot], error: BaseException) -> None:
    """Tell the member, and only them, what `error` means; never raises."""
    if isinstance(error, discord.NotFound) and error.code == _GIVEN_UP:
        # Nothing can be said any more, and nothing was begun: Discord tells the member that the bot did not respond.
        log.warning("a first answer came after the three seconds that Discord waits for it")
        return
    language = language_of(interaction)
    if isinstance(error, Refused):
        sentence = language.tell(error.sentence)
        if error.allowed_at:
            again = discord.utils.format_dt(error.allowed_at, "R")
            sentence = language.say("{sentence} You can try again {when}.", sentence=sentence, when=again)
    else:
        sentence = language.tell(_UNFORESEEN)
        log.error("an interaction went wrong", exc_info=error)
    try:
        await _say_privately(interaction, sentence)
    except Exception as failure:  # an error handler has nobody left to raise to
        log.warning("could not tell a member why: %s", failure)


async def _say_privately(interaction: discord.Interaction[ExtendBot], sentence: str) -> None:
    if not interaction.response.is_done():
        try:
            await interaction.response.send_message(sentence, ephemeral=True)
            return
        except discord.HTTPException as error:
            if error.code != ALREADY_ANSWERED:  # else it was deferred, and only Discord's word of that was lost
                raise
    # What was deferred may be public: take it away, and say it privately. (A press that was only acknowledged has no
    # reply of its own; its original response is the message that it was on.)
    kind = interaction.response.type
    if kind is discord.InteractionResponseType.deferred_channel_message or (
        kind is None and interaction.type is discord.InteractionType.application_command
    ):
        await interaction.delete_original_response()
    await interaction.followup.send(sentence, ephemeral=True)
