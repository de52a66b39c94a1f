"""Tasks, kept: every write is one short transaction, and nothing else happens inside one."""

from bot.store.engine import StoreUnusable
from bot.store.store import Moved, Store

__all__ = ["Moved", "Store", "StoreUnusable"]
