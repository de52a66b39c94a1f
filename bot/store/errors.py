"""What the store tells its operator."""

from __future__ import annotations


class StoreUnusable(Exception):
    """The database cannot be used. Its text is one sentence for the operator."""
