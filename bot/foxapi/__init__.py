"""Client for FoxAPI, the paid video generation API: typed responses and typed errors."""

from bot.foxapi.client import USER_AGENT, FoxAPI
from bot.foxapi.errors import (
    FoxError,
    RateLimited,
    Rejected,
    SubmissionNotReceived,
    SubmissionUncertain,
    TaskNotFound,
    TransientError,
)
from bot.foxapi.protocol import RemoteStatus, RemoteTask, Submission, parse_response

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
