"""The command tree: error handling, and translated names and descriptions."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.client.errors import respond_with_error
from bot.client.protocols import LocalizedBot
from bot.domain.errors import RequestRefused
from bot.i18n import Languages
from bot.i18n.text import tr

_RESTARTING = tr("The bot is being restarted or updated: try again in a minute.")

_NAMES = {
    app_commands.TranslationContextLocation.command_name: "command",
    app_commands.TranslationContextLocation.group_name: "command",
    app_commands.TranslationContextLocation.parameter_name: "option",
    app_commands.TranslationContextLocation.choice_name: "choice",
}
"""The msgctxt of names in the catalogs, because short names are ambiguous without a context."""


class CommandTree(app_commands.CommandTree[LocalizedBot]):
    """Turns every error of a command into one private sentence."""

    async def on_error(
        self, interaction: discord.Interaction[LocalizedBot], error: app_commands.AppCommandError, /
    ) -> None:
        """Respond to a refusal with its sentence, and to any other error with an apology and a log line."""
        cause = getattr(error, "original", error)
        if isinstance(error, app_commands.TransformerError):  # Discord's own clients do not send such values
            cause = RequestRefused(tr("“{value}” is not a value that this option takes.", value=str(error.value)[:50]))
        if isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
            # The cogs are unloaded before the connection is closed, and clients keep old commands for a while.
            cause = RequestRefused(_RESTARTING)
        await respond_with_error(interaction, cause)


class CommandTranslator(app_commands.Translator):
    """Translates the names and descriptions of commands from the catalogs."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return the translation from the catalog of exactly this locale, or None."""
        language = self._languages.get(str(locale))
        if language is None:
            return None
        if kind := _NAMES.get(context.location):
            return language.translate_name(kind, string.message)
        return language.lookup(string.message)


async def build_command_payload(tree: app_commands.CommandTree[LocalizedBot]) -> list[dict[str, Any]]:
    """Return the payload that registers all commands, translations included."""
    kinds = (discord.AppCommandType.chat_input, discord.AppCommandType.message)
    commands = [command for kind in kinds for command in tree.get_commands(type=kind)]
    if tree.translator is None:
        return [command.to_dict(tree) for command in commands]
    return [await command.get_translated_payload(tree, tree.translator) for command in commands]
