"""Queue positions: when each waiting task should start, found by simulating the queue."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from statistics import median

from bot.store import QueueSnapshot
from bot.worker.resources import JobResources

_DEFAULT_DURATION = timedelta(minutes=1)
"""The assumed duration of a task while no recent ones are known; only used to find the order."""

_NEAR = 5
"""Up to this position every change is shown; beyond it only a change by a fifth."""

_STEP = 0.8


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """One waiting task's place in the queue."""

    task_id: int
    number: int
    """1 for the next task to start."""
    at: datetime
    """When it should start."""
    no_room: bool = False
    """Its turn has come, but there is no room for it on the disk."""


def forecast(snapshot: QueueSnapshot, max_running: int, now: datetime, seconds: float | None) -> list[QueuePosition]:
    """Return the positions of all tasks that wait for a running slot, in order; `seconds`: a task's usual duration.

    The rule is that of the store's take_slot(): the server's turn, then its member's, then the oldest task. Preparation
    is short in comparison and not counted.
    """
    duration = timedelta(seconds=seconds) if seconds else _DEFAULT_DURATION
    queue = _QueueSimulation(snapshot, now, duration)
    no_room = {waiting.id for waiting in snapshot.waiting if waiting.no_room}
    positions: list[QueuePosition] = []
    while True:
        while queue.busy < max_running and (started := queue.start()) is not None:
            positions.append(QueuePosition(started, len(positions) + 1, queue.now, started in no_room))
        if not queue.finish_next():
            return positions


class _QueueSimulation:
    """The queue and the running slots at a moment, :attr:`now`, that moves from one task's end to the next."""

    def __init__(self, snapshot: QueueSnapshot, now: datetime, duration: timedelta) -> None:
        self.now = now
        self._duration = duration
        self._slots = snapshot.slots
        self._running = Counter(home for home, _ in snapshot.running)
        self._ends = [(max(now, at or now + duration), n, home) for n, (home, at) in enumerate(snapshot.running)]
        """A heap of the running tasks: when they end, the order in which they started, and their home."""
        heapify(self._ends)
        self._started = len(self._ends)
        self._turn = max(snapshot.server_turns.values(), default=0)
        self._queues: dict[tuple[int, int], list[int]] = defaultdict(list)
        for waiting in reversed(snapshot.waiting):
            self._queues[waiting.home, waiting.user_id].append(waiting.id)
        self._members: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        """By home, a heap of its waiting members: latest turn, oldest task, user."""
        for (home, user), queue in self._queues.items():
            self._members[home].append((snapshot.member_turns.get((home, user), 0), queue[-1], user))
        self._homes: list[tuple[int, int, int, int]] = []
        """A heap of the homes that may start a task: latest turn, then their first member's heap entry."""
        self._full: dict[int, int] = {}
        """Homes with waiting tasks but no free slot, and their latest turn."""
        for home, heap in self._members.items():
            heapify(heap)
            self._enqueue(home, snapshot.server_turns.get(home, 0))

    @property
    def busy(self) -> int:
        """How many slots are taken."""
        return len(self._ends)

    def start(self) -> int | None:
        """Start the next task and return its id; None if no task may start."""
        if not self._homes:
            return None
        *_, home = heappop(self._homes)
        _, task_id, user = heappop(self._members[home])
        self._turn += 1
        queue = self._queues[home, user]
        queue.pop()
        if queue:
            heappush(self._members[home], (self._turn, queue[-1], user))
        self._running[home] += 1
        self._started += 1
        heappush(self._ends, (self.now + self._duration, self._started, home))
        self._enqueue(home, self._turn)
        return task_id

    def finish_next(self) -> bool:
        """Go on to the next end of a running task; return False if there is none or no task waits."""
        if not self._ends or not (self._homes or self._full):
            return False
        self.now, _, home = heappop(self._ends)
        self._running[home] -= 1
        if home in self._full:
            self._enqueue(home, self._full.pop(home))
        return True

    def _enqueue(self, home: int, turn: int) -> None:
        if not self._members[home]:
            return
        if self._running[home] >= self._slots[home]:
            self._full[home] = turn
            return
        member_turn, first, _ = self._members[home][0]
        heappush(self._homes, (turn, member_turn, first, home))


class QueuePositions:
    """Shows waiting tasks their positions, and remembers what their replies show."""

    def __init__(self, resources: JobResources) -> None:
        self._resources = resources
        self._shown: dict[int, tuple[int, bool]] = {}
        """By task: its position, and whether it waits for room on the disk."""
        self._refreshed_at = float("-inf")

    def __bool__(self) -> bool:
        """Whether a task was waiting at the last refresh."""
        return bool(self._shown)

    async def refresh(self, new: Collection[int] = ()) -> None:
        """Update the positions in the replies, if that is due or some of the waiting tasks are `new`."""
        clock = asyncio.get_running_loop().time()
        if not new and clock < self._refreshed_at + self._resources.timeouts.queue_scan:
            return
        self._refreshed_at = clock
        positions, is_timed = await self._forecast()
        for task_id in self._shown.keys() - positions.keys():
            del self._shown[task_id]
        changed = {
            task_id for task_id, position in positions.items() if task_id in new or self._is_worth_showing(position)
        }
        if not changed:
            return
        for task in await self._resources.store.queue.queued(changed):
            position = positions[task.id]
            self._shown[task.id] = (position.number, position.no_room)
            known = {"queue_position": position.number, "starts_at": position.at if is_timed else None}
            self._resources.reply_port.update(task.model_copy(update=known), None)

    async def _forecast(self) -> tuple[dict[int, QueuePosition], bool]:
        """Return the positions by task, and whether their times rest on recent durations."""
        resources = self._resources
        snapshot = await resources.store.queue.snapshot(
            resources.operator_limits, resources.server_running, resources.now()
        )
        if not snapshot.waiting:
            return {}, False
        recent = await resources.store.tasks.recent_durations()
        usual = median(recent) if recent else None
        positions = forecast(snapshot, resources.operator_limits.max_running, resources.now(), usual)
        return {position.task_id: position for position in positions}, bool(recent)

    def _is_worth_showing(self, position: QueuePosition) -> bool:
        shown, no_room = self._shown.get(position.task_id, (0, False))
        if position.number > shown or position.no_room is not no_room:
            return True
        return position.number < shown and (position.number <= _NEAR or position.number <= shown * _STEP)
