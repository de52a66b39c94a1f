"""The worker: advances every unfinished task until its outcome is shown."""

from bot.worker.circuit_breaker import CircuitBreaker
from bot.worker.resources import JobResources, TaskFiles
from bot.worker.throttle import RateLimiter
from bot.worker.timeouts import Timeouts
from bot.worker.wakeups import Wakeups
from bot.worker.worker import Worker

__all__ = [
    "CircuitBreaker",
    "JobResources",
    "RateLimiter",
    "TaskFiles",
    "Timeouts",
    "Wakeups",
    "Worker",
]
