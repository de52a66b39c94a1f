"""The errors that this program expects: one family, so that a handler can tell them from defects.

ExtendBotError
├── RequestRefused             a rule refuses a member's request; the message is for the member
│   └── OperatorLimitReached   the rule is one of the operator's (bot.domain.policy.rules)
├── TaskFailed                 a task cannot continue; the message is for its member
├── WordsChanged               the forbidden words changed while a prompt was screened (bot.domain.policy.check)
├── ReplyUnavailable           a reply cannot be updated now (bot.domain.reply_port)
├── Undeliverable              a member cannot be reached at all (bot.domain.reply_port)
├── CannotStart                Discord or FoxAPI does not let the bot in (bot.client.bot)
├── CannotBind                 the health server's address is taken (bot.health.server)
├── SettingsError              a setting is missing or wrong (bot.settings)
├── RequestFailed              `check` got no response (bot.check.http)
├── MediaError                 a video or a link cannot be used (its own family: bot.media.errors)
├── FoxError                   a call of FoxAPI failed (its own family: bot.foxapi.errors)
├── StoreUnusable              the database cannot be opened (bot.store.errors)
├── StaleRow                   a row changed since it was read (bot.store.lifecycle)
├── LeaseExpired               this process may have lost its leases (bot.store.leases)
├── LeaseLost                  another process works on the task (bot.worker.current_row)
├── RouteClosed                a way to the member's message does not work (cogs.common.transport)
└── TooLarge                   Discord does not accept a file of that size (cogs.common.transport)
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.task import Billed
from bot.i18n.text import Translatable


class ExtendBotError(Exception):
    """The base of all expected errors."""


class RequestRefused(ExtendBotError):
    """A rule refuses the request; nothing was done and nothing was billed."""

    def __init__(self, sentence: Translatable, allowed_at: datetime | None = None) -> None:
        """`sentence` tells the member what to do; `allowed_at`: from when this rule allows the request, if known."""
        super().__init__(str(sentence))
        self.message = sentence
        self.allowed_at = allowed_at
        self.others: tuple[RequestRefused, ...] = ()
        """Further rules that refuse the same request."""


class TaskFailed(ExtendBotError):
    """The task cannot continue."""

    def __init__(self, sentence: Translatable, billed: Billed = Billed.NO) -> None:
        """`sentence` tells the member why."""
        super().__init__(str(sentence))
        self.message = sentence
        self.billed = billed
