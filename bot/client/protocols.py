"""The part of the client that error responses and the command tree use."""

from __future__ import annotations

from discord.ext import commands

from bot.i18n import Languages


class LocalizedBot(commands.AutoShardedBot):
    """A client with translations."""

    languages: Languages
