"""Read the times in HTTP headers, which others write: a date, and how long to wait."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRY_MOST = 3600.0
"""Seconds: nobody is believed who asks for a longer wait."""
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DATE_LONGEST = 64


def parse_http_date(text: str) -> datetime | None:
    """The moment that a header such as Date names (RFC 9110, 5.6.7), or None if it is no date."""
    if len(text) > _DATE_LONGEST or not text.isascii():
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_retry_after(text: str, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3), from 0 to an hour; None if it is nonsense."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    elif (moment := parse_http_date(text)) is not None:
        seconds = (moment - now).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), RETRY_MOST)
