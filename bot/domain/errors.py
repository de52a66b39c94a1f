"""RequestRefused, TaskFailed: each carries one sentence."""

from __future__ import annotations

from datetime import datetime

from bot.domain.task import Billed
from bot.i18n.text import Translatable


class RequestRefused(Exception):
    """A rule said no; nothing was done and nothing costs. Its phrase is one sentence for the member."""

    def __init__(self, sentence: Translatable, allowed_at: datetime | None = None) -> None:
        """`allowed_at`: the moment from which the same request would be allowed, if that is known."""
        super().__init__(str(sentence))
        self.message = sentence
        self.allowed_at = allowed_at


class TaskFailed(Exception):
    """The work cannot go on. Its phrase is one sentence for the member."""

    def __init__(self, sentence: Translatable, billed: Billed = Billed.NO) -> None:
        super().__init__(str(sentence))
        self.message = sentence
        self.billed = billed
