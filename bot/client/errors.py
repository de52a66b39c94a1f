"""What only the member sees: errors as one sentence, in their own language."""

from __future__ import annotations

import logging

import discord

from bot.client.private_reply import tell_privately
from bot.client.protocols import LocalizedBot
from bot.client.transport import Failure, classify
from bot.domain.errors import RequestRefused
from bot.i18n import Language
from bot.i18n.text import tr

log = logging.getLogger(__name__)

DISCORD_UNAVAILABLE = tr("Discord does not answer me just now: try again in a minute.")
_GIVEN_UP = 10062
"""Discord docs, JSON Error Codes: the interaction is not waited for any more."""
_UNEXPECTED = tr("Something went wrong on my side, and I have told my log: try again in a minute.")
_NEUTRAL = tr("That did not work. I tell you why in private.")


def language_of(interaction: discord.Interaction[LocalizedBot]) -> Language:
    """The member's own language, for what only they see."""
    return interaction.client.languages.best_match(str(interaction.locale))


async def respond_with_error(interaction: discord.Interaction[LocalizedBot], error: BaseException) -> None:
    """Tell the member, and only them, what `error` means; never raises."""
    if isinstance(error, discord.NotFound) and error.code == _GIVEN_UP:
        # Nothing can be said any more, and nothing was begun: Discord tells the member that the bot did not respond.
        log.warning("a first answer came after the three seconds that Discord waits for it")
        return
    language = language_of(interaction)
    try:
        await tell_privately(interaction, _sentence(language, error), language.translate(_NEUTRAL))
    except Exception as failure:  # an error handler has nobody left to raise to
        log.warning("could not tell a member why: %s", type(failure).__name__)


def _sentence(language: Language, error: BaseException) -> str:
    """What `error` means for the member; what it means for the operator is logged."""
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
