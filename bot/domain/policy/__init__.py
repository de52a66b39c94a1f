"""Pure rules that decide whether a request is allowed, from the server's and the operator's limits."""

from bot.domain.policy.check import SubmissionCheck, WordsChanged, check, screen
from bot.domain.policy.context import Screening, daily_limits_of, is_exempt
from bot.domain.policy.rules import OperatorLimitReached, find_pause_or_block
from bot.domain.policy.word_filter import ENTRY_MAX, find_forbidden, is_empty_pattern, is_too_long

__all__ = [
    "ENTRY_MAX",
    "OperatorLimitReached",
    "Screening",
    "SubmissionCheck",
    "WordsChanged",
    "check",
    "daily_limits_of",
    "find_forbidden",
    "find_pause_or_block",
    "is_empty_pattern",
    "is_exempt",
    "is_too_long",
    "screen",
]
