"""Tasks and rules, kept: every write is one short transaction, and nothing else happens inside one."""

from bot.store.backup import BackedUp, back_up
from bot.store.books import InUse, Look
from bot.store.errors import StoreUnusable
from bot.store.inspection import Inspection, inspect
from bot.store.leases import Leases, NotSure
from bot.store.ledger import DOUBTFUL_UP_TO
from bot.store.lifecycle import Moved
from bot.store.move import Move, move
from bot.store.pauses import Pauses
from bot.store.restore import Restored, restore
from bot.store.store import Judge, Store
from bot.store.turns import Lineup, Waiting

__all__ = [
    "DOUBTFUL_UP_TO",
    "BackedUp",
    "InUse",
    "Inspection",
    "Judge",
    "Leases",
    "Lineup",
    "Look",
    "Move",
    "Moved",
    "NotSure",
    "Pauses",
    "Restored",
    "Store",
    "StoreUnusable",
    "Waiting",
    "back_up",
    "inspect",
    "move",
    "restore",
]
