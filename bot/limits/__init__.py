"""Pure rules: whether an order is allowed now, by a server's limits and the operator's roofs."""

from bot.limits.check import Case, WordsChanged, check, screen
from bot.limits.facts import Screening, ceilings, is_exempt
from bot.limits.rules import RoofReached
from bot.limits.words import ENTRY_MAX, first_forbidden, meaningless, too_long

__all__ = [
    "ENTRY_MAX",
    "Case",
    "RoofReached",
    "Screening",
    "WordsChanged",
    "ceilings",
    "check",
    "first_forbidden",
    "is_exempt",
    "meaningless",
    "screen",
    "too_long",
]
