"""What time does: every unfinished task is moved on until its end is told."""

from bot.runner.bell import Wakeups
from bot.runner.pace import RateLimiter
from bot.runner.pause import CircuitBreaker
from bot.runner.runner import Worker
from bot.runner.tools import JobResources, ReplyPort, ReplyState, ReplyUnavailable, TaskFiles, Timeouts, Undeliverable

__all__ = [
    "CircuitBreaker",
    "JobResources",
    "RateLimiter",
    "ReplyPort",
    "ReplyState",
    "ReplyUnavailable",
    "TaskFiles",
    "Timeouts",
    "Undeliverable",
    "Wakeups",
    "Worker",
]
