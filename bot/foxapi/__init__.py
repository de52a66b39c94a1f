"""The paid API: FoxAPI's video generation, as typed answers and typed errors."""

from bot.foxapi.answers import (
    Accepted,
    Busy,
    FoxError,
    MaybeTaken,
    NotTaken,
    Passing,
    Rejected,
    Remote,
    RemoteStatus,
    UnknownTask,
    decipher,
)
from bot.foxapi.client import FoxAPI

__all__ = [
    "Accepted",
    "Busy",
    "FoxAPI",
    "FoxError",
    "MaybeTaken",
    "NotTaken",
    "Passing",
    "Rejected",
    "Remote",
    "RemoteStatus",
    "UnknownTask",
    "decipher",
]
