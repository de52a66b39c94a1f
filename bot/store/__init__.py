"""Tasks and rules, kept: every write is one short transaction, and nothing else happens inside one."""

from bot.store.books import InUse, Look
from bot.store.engine import StoreUnusable
from bot.store.store import Judge, Moved, Store
from bot.store.turns import Lineup, Waiting

__all__ = ["InUse", "Judge", "Lineup", "Look", "Moved", "Store", "StoreUnusable", "Waiting"]
