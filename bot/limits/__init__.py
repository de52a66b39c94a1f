"""Pure rules: whether an order is allowed now, by a server's limits and the operator's roofs."""

from bot.limits.check import Case, check
from bot.limits.facts import ceilings, is_exempt
from bot.limits.rules import RoofReached
from bot.limits.words import first_forbidden, meaningless

__all__ = ["Case", "RoofReached", "ceilings", "check", "first_forbidden", "is_exempt", "meaningless"]
