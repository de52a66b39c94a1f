"""`python -m bot check`: what is missing or wrong, in plain words; nothing is changed, and nothing is paid."""

from bot.check.report import CheckResult, all_ok, as_json, as_text
from bot.check.run import check

__all__ = ["CheckResult", "all_ok", "as_json", "as_text", "check"]
