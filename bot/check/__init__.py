"""`python -m bot check`: what is missing or wrong, in plain words; nothing is changed, and nothing is paid."""

from bot.check.checks import check
from bot.check.finding import Finding, all_well, as_json, as_text

__all__ = ["Finding", "all_well", "as_json", "as_text", "check"]
