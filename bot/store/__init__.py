"""The store: every write is one short transaction that waits for nothing but the database."""

from bot.store.admin.backup import BackupResult, back_up
from bot.store.admin.inspect import DatabaseStatus, inspect
from bot.store.admin.move_to_postgres import MoveResult, move
from bot.store.admin.restore import RestoreResult, restore
from bot.store.admin.restore_merge import UNVERIFIED_UP_TO
from bot.store.errors import StoreUnusable
from bot.store.leases import LeaseExpired, Leases
from bot.store.lifecycle import StaleRow
from bot.store.queue_forecast import QueueForecast, QueuePosition, forecast_queue
from bot.store.reports import CurrentUsage, QuotaSnapshot
from bot.store.store import Store
from bot.store.tables import name_log_note
from bot.store.tasks import AdmissionPolicy
from bot.store.throttle import CircuitState

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
    "QueueForecast",
    "QueuePosition",
    "QueueSnapshot",
    "QueuedTask",
    "QuotaSnapshot",
    "RestoreResult",
    "StaleRow",
    "Store",
    "StoreUnusable",
    "back_up",
    "forecast_queue",
    "inspect",
    "move",
    "name_log_note",
    "restore",
]
