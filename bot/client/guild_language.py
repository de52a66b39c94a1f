"""The language of a server's log lines and posts.

The language of a task's public reply is set at submission (SubmissionCheck.with_guild_locale), in the transaction that
reads the server's limits.
"""

from __future__ import annotations

from bot.client.bot import ExtendBot
from bot.domain.limits import GuildLimits
from bot.i18n import Language

_UNKNOWN = "en-US"
"""The assumed locale of a server that is not in the cache (yet): Discord's default."""


def get_guild_language(bot: ExtendBot, guild_id: int, limits: GuildLimits) -> Language:
    """Return the language that the server's moderators chose, else the one that is set in Discord."""
    guild = bot.get_guild(guild_id)
    return bot.languages.find_best_match(limits.locale_or(str(guild.preferred_locale) if guild else _UNKNOWN))


async def fetch_guild_language(bot: ExtendBot, guild_id: int) -> Language:
    """Read the server's limits and return its language. Acknowledge an interaction before: this reads the store."""
    return get_guild_language(bot, guild_id, await bot.services.moderation.get_limits(guild_id))
