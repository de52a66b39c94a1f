"""The paid API: FoxAPI's video generation, as typed answers and typed errors."""

from bot.foxapi.protocol import (
    FoxError,
    RateLimited,
    Rejected,
    RemoteStatus,
    RemoteTask,
    Submission,
    SubmissionNotReceived,
    SubmissionUncertain,
    TaskNotFound,
    TransientError,
    parse_response,
)
from bot.foxapi.client import USER_AGENT, FoxAPI

__all__ = [
    "USER_AGENT",
    "FoxAPI",
    "FoxError",
    "RateLimited",
    "Rejected",
    "RemoteStatus",
    "RemoteTask",
    "Submission",
    "SubmissionNotReceived",
    "SubmissionUncertain",
    "TaskNotFound",
    "TransientError",
    "parse_response",
]
