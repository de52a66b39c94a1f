"""In which language the bot speaks to a whole server: the one place that decides it for logs and posts.

Replies to commands get theirs when the order is accepted (bot.limits.Case.placed), in the transaction that reads the
server's rules anyway.
"""

from __future__ import annotations

from bot.client.bot import ExtendBot
from bot.languages import Language
from bot.rules import Limits

_UNKNOWN = "en-US"
"""The locale of a server that the gateway has not told of (yet): what Discord gives a new one."""


def language_under(bot: ExtendBot, guild_id: int, limits: Limits) -> Language:
    """The language of a server with these rules: the one that its moderators chose, else the server's own."""
    guild = bot.get_guild(guild_id)
    return bot.languages.of(limits.spoken(str(guild.preferred_locale) if guild else _UNKNOWN))


async def language_of_server(bot: ExtendBot, guild_id: int) -> Language:
    """The same, for whoever does not have the rules at hand: they are read, so respond to Discord first."""
    return language_under(bot, guild_id, await bot.service.moderation.limits_of(guild_id))
