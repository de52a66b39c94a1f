"""The log: one line per event on stderr, for people or as JSON, and nothing in it that is not anybody's business."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from types import TracebackType

from bot.redaction import Redactor

log = logging.getLogger("bot")

_NOISY = ("discord", "alembic", "aiosqlite", "sqlalchemy")
"""Libraries whose own lines below WARNING are of no use here; some of them hold prompts and tokens."""
_TASK = re.compile(r"task (\d+)\b")


class TextFormatter(logging.Formatter):
    """For people: a line per event; an error's traceback follows it."""

    def __init__(self, discretion: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%d %H:%M:%S")
        self._redactor = discretion

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: D102 (logging's own)
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        """The event as text."""
        return self._redactor(super().format(record))


class JsonFormatter(logging.Formatter):
    """For machines: a JSON object per event, with `task` where the event is one of a task's; the time is in UTC."""

    def __init__(self, discretion: Redactor) -> None:
        super().__init__()
        self._redactor = discretion

    def format(self, record: logging.LogRecord) -> str:
        """The event as one line of JSON."""
        message = record.getMessage()
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._redactor(message),
        }
        if found := _TASK.match(message):
            event["task"] = int(found[1])
        if record.exc_info:
            event["error"] = self._redactor(self.formatException(record.exc_info))
        return json.dumps(event, ensure_ascii=False)


def configure_logging(level: str, form: str, discretion: Redactor) -> None:
    """Log to stderr from now on, everything that ends the program included. `form` is "text" or "json"."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(discretion) if form == "json" else TextFormatter(discretion))
    logging.basicConfig(level=level, handlers=[handler])
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), logging.WARNING))
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the bot ends by an error that nobody foresaw", exc_info=(kind, error, trace))
