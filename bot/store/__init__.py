"""Tasks and rules, kept: every write is one short transaction, and nothing else happens inside one."""

from bot.store.backup import BackupResult, back_up
from bot.store.books import CurrentUsage, QuotaSnapshot
from bot.store.errors import StoreUnusable
from bot.store.inspection import DatabaseStatus, inspect
from bot.store.leases import LeaseExpired, Leases
from bot.store.ledger import UNVERIFIED_UP_TO
from bot.store.lifecycle import Moved
from bot.store.move import MoveResult, move
from bot.store.pauses import CircuitState
from bot.store.restore import RestoreResult, restore
from bot.store.store import AdmissionPolicy, Store
from bot.store.turns import QueuedTask, QueueSnapshot

__all__ = [
    "UNVERIFIED_UP_TO",
    "AdmissionPolicy",
    "BackupResult",
    "CircuitState",
    "CurrentUsage",
    "DatabaseStatus",
    "LeaseExpired",
    "Leases",
    "MoveResult",
    "Moved",
    "QueueSnapshot",
    "QueuedTask",
    "QuotaSnapshot",
    "RestoreResult",
    "Store",
    "StoreUnusable",
    "back_up",
    "inspect",
    "move",
    "restore",
]
