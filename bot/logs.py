"""The log on stderr: one line per event, as text or JSON, with secrets, links and prompts redacted."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from types import TracebackType

from bot.domain.redaction import Redactor

log = logging.getLogger("bot")

_NOISY = ("discord", "alembic", "aiosqlite", "sqlalchemy")
"""Libraries whose log lines below WARNING are not useful; some of them contain prompts and tokens."""
_TASK = re.compile(r"task (\d+)\b")


class TextFormatter(logging.Formatter):
    """Text: one line per event, followed by the traceback of an error."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%d %H:%M:%S")
        self._redactor = redactor

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: D102 (overrides logging's)
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        """Return the event as text."""
        return self._redactor(super().format(record))


class JsonFormatter(logging.Formatter):
    """JSON: one object per event, with `task` if the event concerns a task; the time is in UTC."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the event as one line of JSON."""
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


def configure_logging(level: str, form: str, redactor: Redactor) -> None:
    """Log to stderr, including the exception that ends the program. `form` is "text" or "json"."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(redactor) if form == "json" else TextFormatter(redactor))
    logging.basicConfig(level=level, handlers=[handler])
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), logging.WARNING))
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the bot exits after an unexpected error", exc_info=(kind, error, trace))
