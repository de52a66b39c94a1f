"""The paid API: FoxAPI's video generation, as typed answers and typed errors."""

from bot.foxapi.client import USER_AGENT, FoxAPI
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
