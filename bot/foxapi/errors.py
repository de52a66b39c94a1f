"""The expected failures of FoxAPI.

FoxError
├── Rejected                    FoxAPI refused the request (4xx): repeating it is useless
│   └── TaskNotFound            FoxAPI does not know this task id (404)
├── TransientError              the call may succeed later
│   ├── RateLimited             too many requests (429)
│   ├── ConnectionFailed        the request did not reach FoxAPI
│   └── SubmissionNotReceived   the paid request was not accepted: it may be sent again
└── SubmissionUncertain         the paid request may have been accepted: it must never be sent again
"""

from __future__ import annotations

from bot.domain.errors import ExtendBotError
from bot.i18n.text import Translatable


class FoxError(ExtendBotError):
    """Base class of FoxAPI's failures. Its text is for the log and never quotes FoxAPI's, which may contain secrets."""


class Rejected(FoxError):
    """FoxAPI refused the request (4xx): repeating it is useless. `message` is for the member."""

    def __init__(self, status: int, code: str, request: str, message: Translatable) -> None:
        super().__init__(f"{status} {code or 'without a code'}{request}")
        self.status = status
        self.code = code
        self.message = message

    @property
    def concerns_all(self) -> bool:
        """Whether other requests would be refused too: the key, the account's credit or its access is at fault."""
        return self.status in {401, 402, 403}


class TaskNotFound(Rejected):
    """FoxAPI does not know this task id (404)."""


class TransientError(FoxError):
    """The call may succeed later: after `retry_after` seconds, if FoxAPI named a delay."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class RateLimited(TransientError):
    """Too many requests (429). This one was certainly not accepted."""


class ConnectionFailed(TransientError):
    """No connection to FoxAPI: the request certainly did not arrive."""


class SubmissionNotReceived(TransientError):
    """The paid request did not arrive or was turned away (429): it may be sent again."""


class SubmissionUncertain(FoxError):
    """The paid request may have been accepted: it must never be sent again."""
