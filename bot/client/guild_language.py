"""In which language the bot speaks to a whole server: the one place that decides it for logs and posts.

Replies to commands get theirs when the order is accepted (SubmissionCheck.with_guild_locale), in the transaction that
reads the server's rules anyway.
"""

from __future__ import annotations

from bot.client.bot import ExtendBot
from bot.domain.limits import GuildLimits
from bot.i18n import Language

_UNKNOWN = "en-US"
"""The locale of a server that the gateway has not told of (yet): what Discord gives a new one."""


def guild_language(bot: ExtendBot, guild_id: int, limits: GuildLimits) -> Language:
    """The language of a server with these rules: the one that its moderators chose, else the server's own."""
    guild = bot.get_guild(guild_id)
    return bot.languages.best_match(limits.locale_or(str(guild.preferred_locale) if guild else _UNKNOWN))


async def fetch_guild_language(bot: ExtendBot, guild_id: int) -> Language:
    """The same, for whoever does not have the rules at hand: they are read, so respond to Discord first."""
    return guild_language(bot, guild_id, await bot.services.moderation.limits_of(guild_id))
