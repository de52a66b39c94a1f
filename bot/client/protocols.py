"""What the error responses and the command tree need of the client: its languages."""

from __future__ import annotations

from discord.ext import commands

from bot.i18n import Languages


class LocalizedBot(commands.AutoShardedBot):
    """A client that knows the languages in which it answers."""

    languages: Languages
