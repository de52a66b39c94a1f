"""The Discord client: the connection, the command tree, and error responses."""

from bot.client.bot import CannotStart, ExtendBot
from bot.client.drafts import Draft
from bot.client.errors import DISCORD_UNAVAILABLE, format_refusal, get_language, respond_with_error
from bot.client.guild_language import fetch_guild_language, get_guild_language
from bot.client.private_reply import ALREADY_ANSWERED, AnsweredElsewhere, respond_first
from bot.client.request_check import check_before_requests
from bot.client.shards import Shards
from bot.client.transport import REQUEST_ERRORS, Failure, classify, is_unavailable

__all__ = [
    "ALREADY_ANSWERED",
    "DISCORD_UNAVAILABLE",
    "REQUEST_ERRORS",
    "AnsweredElsewhere",
    "CannotStart",
    "Draft",
    "ExtendBot",
    "Failure",
    "Shards",
    "check_before_requests",
    "classify",
    "fetch_guild_language",
    "format_refusal",
    "get_guild_language",
    "get_language",
    "is_unavailable",
    "respond_first",
    "respond_with_error",
]
