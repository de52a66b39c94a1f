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
from bot.foxapi.client import USER_AGENT, FoxAPI

__all__ = [
    "USER_AGENT",
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
