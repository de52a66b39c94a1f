"""What the store tells its operator."""

from __future__ import annotations


class RowUnreadable(ValueError):
    """A row is not what this program writes. Its text names the columns, never what stands in them."""


class StoreUnusable(Exception):
    """The database cannot be used. Its text is one sentence for the operator."""
