"""What time does: every unfinished task is moved on until its end is told."""

from bot.worker.wakeups import Wakeups
from bot.worker.throttle import RateLimiter
from bot.worker.throttle import CircuitBreaker
from bot.worker.worker import Worker
from bot.worker.resources import JobResources, TaskFiles
from bot.worker.timeouts import Timeouts

__all__ = [
    "CircuitBreaker",
    "JobResources",
    "RateLimiter",
    "TaskFiles",
    "Timeouts",
    "Wakeups",
    "Worker",
]
