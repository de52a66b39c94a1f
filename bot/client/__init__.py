"""The Discord connection: loads every cog or refuses to start; the one place where errors become sentences."""

from bot.client.answers import ALREADY_ANSWERED, answer_error, language_of
from bot.client.bot import CannotStart, ExtendBot
from bot.client.shards import Shards
from bot.client.spoken import language_of_server, language_under

__all__ = [
    "ALREADY_ANSWERED",
    "CannotStart",
    "ExtendBot",
    "Shards",
    "answer_error",
    "language_of",
    "language_of_server",
    "language_under",
]
