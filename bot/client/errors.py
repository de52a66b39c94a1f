"""Error responses: one private sentence, in the member's own language."""

from __future__ import annotations

import logging

import discord

from bot.client.private_reply import ALREADY_ANSWERED, AnsweredElsewhere, PrivateMessage, note_attempt, tell_privately
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


async def respond_with_error(
    interaction: discord.Interaction[LocalizedBot],
    error: BaseException,
    *,
    embed: discord.Embed = discord.utils.MISSING,
    view: discord.ui.View = discord.utils.MISSING,
) -> None:
    """Tell the member privately what `error` means, with this embed and view; never raises."""
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
        message = PrivateMessage(_sentence(language, error), embed, view)
        await tell_privately(interaction, message, language.translate(_NEUTRAL))
    except AnsweredElsewhere:
        log.info("an interaction was answered by another process")
    except Exception as failure:  # an error handler cannot raise to anybody
        log.warning("could not send an error response: %s", type(failure).__name__)


def _is_already_answered(error: BaseException) -> bool:
    """Whether a first response was refused because there is one: ours, whose answer was lost, or somebody else's."""
    return isinstance(error, discord.HTTPException) and error.code == ALREADY_ANSWERED


def format_refusal(language: Language, refusal: RequestRefused) -> str:
    """Format the reason of a refusal, or the list of its reasons, each with the time at which it passes."""
    reasons = [_format_reason(language, each) for each in (refusal, *refusal.others)]
    return reasons[0] if len(reasons) == 1 else "\n".join(f"- {reason}" for reason in reasons)


def _format_reason(language: Language, refusal: RequestRefused) -> str:
    if refusal.allowed_at is None:
        return language.translate(refusal.message)
    again = discord.utils.format_dt(refusal.allowed_at, "R")
    return language.tr("{sentence} You can try again {when}.", sentence=refusal.message, when=again)


def _sentence(language: Language, error: BaseException) -> str:
    """Return the sentence for the member, and log unexpected errors for the operator."""
    if isinstance(error, RequestRefused):
        return format_refusal(language, error)
    if classify(error) is Failure.UNAVAILABLE:
        log.warning("an interaction failed because Discord did not answer: %s", type(error).__name__)
        return language.translate(DISCORD_UNAVAILABLE)
    log.error("an interaction went wrong", exc_info=error)
    return language.translate(_UNEXPECTED)
