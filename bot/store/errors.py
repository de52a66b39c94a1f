"""The store's errors for the operator; StaleRow and LeaseExpired are for the worker, and are where they are raised."""

from __future__ import annotations

from bot.domain.errors import ExtendBotError


class RowUnreadable(ValueError):
    """A row does not parse. The text names the columns, never their values."""


class StoreUnusable(ExtendBotError):
    """The database cannot be used. The text is one sentence for the operator."""
