"""Parse the times in HTTP headers: dates and Retry-After."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRY_MOST = 3600.0
"""Seconds; longer Retry-After values are capped."""
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DATE_LONGEST = 64


def parse_http_date(text: str) -> datetime | None:
    """Parse a header such as Date (RFC 9110, 5.6.7); None if it is not a date."""
    if len(text) > _DATE_LONGEST or not text.isascii():
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_retry_after(text: str, now: datetime) -> float | None:
    """Parse a Retry-After header (RFC 9110, 10.2.3) into seconds, from 0 to an hour; None if it is invalid."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    elif (moment := parse_http_date(text)) is not None:
        seconds = (moment - now).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), RETRY_MOST)
