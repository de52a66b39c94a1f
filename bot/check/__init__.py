"""`python -m bot check`: reports what is missing or wrong. It changes nothing and costs nothing."""

from bot.check.report import CheckResult, all_ok, as_json, as_text
from bot.check.run import check

__all__ = ["CheckResult", "all_ok", "as_json", "as_text", "check"]
