"""Error responses: one private sentence, in the member's own language."""

from __future__ import annotations

import logging

import discord

from bot.client.private_reply import ALREADY_ANSWERED, AnsweredElsewhere, note_attempt, tell_privately
from bot.client.protocols import LocalizedBot
from bot.client.transport import Failure, classify
from bot.domain.errors import RequestRefused
from bot.i18n import Language
from bot.i18n.text import tr

log = logging.getLogger(__name__)

DISCORD_UNAVAILABLE = tr("Discord is not responding: try again in a minute.")
_UNKNOWN_INTERACTION = 10062
"""Discord docs, JSON Error Codes: unknown interaction, because its three seconds are over."""
_UNEXPECTED = tr("Something went wrong and was logged: try again in a minute.")
_NEUTRAL = tr("That did not work. A private message says why.")


def get_language(interaction: discord.Interaction[LocalizedBot]) -> Language:
    """Return the member's own language, for private messages."""
    return interaction.client.languages.find_best_match(str(interaction.locale))


async def respond_with_error(interaction: discord.Interaction[LocalizedBot], error: BaseException) -> None:
    """Tell the member privately what `error` means; never raises."""
    if isinstance(error, discord.NotFound) and error.code == _UNKNOWN_INTERACTION:
        # No response is possible, and nothing was started. Discord tells the member that the bot did not respond.
        log.warning("an interaction was answered after its three seconds")
        return
    if isinstance(error, AnsweredElsewhere) or _is_already_answered(error):
        log.info("an interaction was answered by another process")
        return
    language = get_language(interaction)
    try:
        if classify(error) is Failure.UNAVAILABLE:
            note_attempt(interaction)
        await tell_privately(interaction, _sentence(language, error), language.translate(_NEUTRAL))
    except AnsweredElsewhere:
        log.info("an interaction was answered by another process")
    except Exception as failure:  # an error handler cannot raise to anybody
        log.warning("could not send an error response: %s", type(failure).__name__)


def _is_already_answered(error: BaseException) -> bool:
    """Whether a first response was refused because there is one: ours, whose answer was lost, or somebody else's."""
    return isinstance(error, discord.HTTPException) and error.code == ALREADY_ANSWERED


def _sentence(language: Language, error: BaseException) -> str:
    """Return the sentence for the member, and log unexpected errors for the operator."""
    if isinstance(error, RequestRefused):
        if error.allowed_at is None:
            return language.translate(error.message)
        again = discord.utils.format_dt(error.allowed_at, "R")
        return language.tr("{sentence} You can try again {when}.", sentence=error.message, when=again)
    if classify(error) is Failure.UNAVAILABLE:
        log.warning("an interaction failed because Discord did not answer: %s", type(error).__name__)
        return language.translate(DISCORD_UNAVAILABLE)
    log.error("an interaction went wrong", exc_info=error)
    return language.translate(_UNEXPECTED)
