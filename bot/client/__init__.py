"""The Discord connection: loads every cog or refuses to start; the one place where errors become sentences."""

from bot.client.answers import answer_error, language_of
from bot.client.bot import CannotStart, ExtendBot

__all__ = ["CannotStart", "ExtendBot", "answer_error", "language_of"]
