"""Forecast the queue: in which order, and about when, the waiting tasks will start."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from statistics import median

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task
from bot.store.queue_snapshot import QueueSnapshot
from bot.store.store import Store

_GUESS = timedelta(minutes=1)
"""Assumed duration of a task while no recent durations are known. Only the order is shown then, no times."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where one waiting task stands."""

    task_id: int
    number: int
    """1 for the task that starts next."""
    at: datetime
    """About when it starts."""
    no_room: bool = False
    """It waits for disk space, not for a slot."""


def forecast(snapshot: QueueSnapshot, max_running: int, now: datetime, seconds: float | None) -> list[QueuePosition]:
    """Simulate the queue; return the positions of all tasks that wait for a running slot, in order.

    `seconds`: how long a task usually takes. The order is that of `take_slot()` in bot.store.scheduling: round-robin
    over servers, then over each server's members, then the oldest task. Preparation is short and is ignored.
    """
    duration = timedelta(seconds=seconds) if seconds else _GUESS
    simulation = _QueueSimulation(snapshot, now, duration)
    no_room = {waiting.id for waiting in snapshot.waiting if waiting.no_room}
    positions: list[QueuePosition] = []
    while True:
        while simulation.busy < max_running and (started := simulation.start()) is not None:
            positions.append(QueuePosition(started, len(positions) + 1, simulation.now, started in no_room))
        if not simulation.finish_next():
            return positions


class _QueueSimulation:
    """The queue and the running slots at a simulated time, which advances from one task's end to the next."""

    def __init__(self, snapshot: QueueSnapshot, now: datetime, duration: timedelta) -> None:
        self.now = now
        self._duration = duration
        self._slots = snapshot.slots
        self._running = Counter(scope for scope, _ in snapshot.running)
        self._ends = [(max(now, at or now + duration), n, scope) for n, (scope, at) in enumerate(snapshot.running)]
        """A heap of the running tasks: end time, start order as tie-breaker, scope."""
        heapify(self._ends)
        self._started = len(self._ends)
        self._turn = max(snapshot.server_turns.values(), default=0)
        self._queues: dict[tuple[int, int], list[int]] = defaultdict(list)
        for waiting in reversed(snapshot.waiting):
            self._queues[waiting.scope_id, waiting.user_id].append(waiting.id)
        self._members: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        """By scope, a heap of its waiting members: latest turn, oldest task, user."""
        for (scope, user), queue in self._queues.items():
            self._members[scope].append((snapshot.member_turns.get((scope, user), 0), queue[-1], user))
        self._scopes: list[tuple[int, int, int, int]] = []
        """A heap of the scopes that have a free slot: latest turn, then the heap entry of their first member."""
        self._full: dict[int, int] = {}
        """Scopes with waiting tasks but no free slot, and their latest turn."""
        for scope, heap in self._members.items():
            heapify(heap)
            self._enqueue(scope, snapshot.server_turns.get(scope, 0))

    @property
    def busy(self) -> int:
        """The number of running tasks."""
        return len(self._ends)

    def start(self) -> int | None:
        """Start the next task and return its id; None if no task can start."""
        if not self._scopes:
            return None
        *_, scope = heappop(self._scopes)
        _, task_id, user = heappop(self._members[scope])
        self._turn += 1
        queue = self._queues[scope, user]
        queue.pop()
        if queue:
            heappush(self._members[scope], (self._turn, queue[-1], user))
        self._running[scope] += 1
        self._started += 1
        heappush(self._ends, (self.now + self._duration, self._started, scope))
        self._enqueue(scope, self._turn)
        return task_id

    def finish_next(self) -> bool:
        """Advance to the end of the next running task; False if none runs or none waits."""
        if not self._ends or not (self._scopes or self._full):
            return False
        self.now, _, scope = heappop(self._ends)
        self._running[scope] -= 1
        if scope in self._full:
            self._enqueue(scope, self._full.pop(scope))
        return True

    def _enqueue(self, scope: int, turn: int) -> None:
        if not self._members[scope]:
            return
        if self._running[scope] >= self._slots[scope]:
            self._full[scope] = turn
            return
        member_turn, first, _ = self._members[scope][0]
        heappush(self._scopes, (turn, member_turn, first, scope))


@dataclass(frozen=True, slots=True)
class QueueForecast:
    """The positions of all waiting tasks at one moment."""

    positions: dict[int, QueuePosition] = field(default_factory=dict)
    """By task id."""
    has_times: bool = False
    """Whether the start times rest on recent durations; otherwise they are a guess and are not shown."""

    def apply(self, task: Task) -> Task:
        """Return the task with its `queue_position` and `starts_at`, or unchanged if it does not wait."""
        position = self.positions.get(task.id)
        if position is None or not task.waits:
            return task
        starts_at = position.at if self.has_times else None
        return task.model_copy(update={"queue_position": position.number, "starts_at": starts_at})


async def forecast_queue(
    store: Store, operator_limits: OperatorLimits, server_running: int, now: datetime
) -> QueueForecast:
    """Read the queue and forecast it. `server_running`: the limit of servers that have set none; 0: no limit."""
    snapshot = await store.queue.read_snapshot(operator_limits, server_running, now)
    if not snapshot.waiting:
        return QueueForecast()
    recent = await store.tasks.list_recent_durations()
    seconds = median(recent) if recent else None
    positions = forecast(snapshot, operator_limits.max_running, now, seconds)
    return QueueForecast({position.task_id: position for position in positions}, bool(recent))
