"""When each task in line will start, if nothing unforeseen happens: the coming turns, played through."""

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

_GUESS = timedelta(minutes=1)
"""What a task takes, for the order of turns alone, while nothing is known of that."""

_NEAR = 5
"""From this turn on every step is worth showing; before it only a fifth of the way."""

_STEP = 0.8


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """One task's turn to come."""

    task_id: int
    number: int
    """1 for the next."""
    at: datetime
    no_room: bool = False
    """It is ready to begin, but there is no room for it on the disk."""


def forecast(snapshot: QueueSnapshot, max_running: int, now: datetime, seconds: float | None) -> list[QueuePosition]:
    """The turns of all that wait for a running slot, in order; `seconds`: what a task usually takes.

    The same rule as the store's take_slot(): the server's turn, then its member's, then the oldest task. Being prepared
    takes little time beside, and is not reckoned with.
    """
    lasts = timedelta(seconds=seconds) if seconds else _GUESS
    play = _QueueSimulation(snapshot, now, lasts)
    no_room = {waiting.id for waiting in snapshot.waiting if waiting.no_room}
    turns: list[QueuePosition] = []
    while True:
        while play.busy < max_running and (started := play.start()) is not None:
            turns.append(QueuePosition(started, len(turns) + 1, play.now, started in no_room))
        if not play.finish_next():
            return turns


class _QueueSimulation:
    """The line and the slots at a moment that is moved on from end to end."""

    def __init__(self, snapshot: QueueSnapshot, now: datetime, lasts: timedelta) -> None:
        self.now = now
        self._lasts = lasts
        self._slots = snapshot.slots
        self._running = Counter(home for home, _ in snapshot.running)
        self._ends = [(max(now, at or now + lasts), n, home) for n, (home, at) in enumerate(snapshot.running)]
        """A heap of the tasks at work: when they end, of those that end together who came first, and their home."""
        heapify(self._ends)
        self._came = len(self._ends)
        self._turn = max(snapshot.server_turns.values(), default=0)
        self._queues: dict[tuple[int, int], list[int]] = defaultdict(list)
        for waiting in reversed(snapshot.waiting):
            self._queues[waiting.scope_id, waiting.user_id].append(waiting.id)
        self._members: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        """By home, a heap of its members in line: latest turn, oldest task, user."""
        for (home, user), queue in self._queues.items():
            self._members[home].append((snapshot.member_turns.get((home, user), 0), queue[-1], user))
        self._homes: list[tuple[int, int, int, int]] = []
        """A heap of the homes that may start something: latest turn, then their first member's heap entry."""
        self._full: dict[int, int] = {}
        """Homes with somebody in line but no free slot, and their latest turn."""
        for home, heap in self._members.items():
            heapify(heap)
            self._enqueue(home, snapshot.server_turns.get(home, 0))

    @property
    def busy(self) -> int:
        return len(self._ends)

    def start(self) -> int | None:
        """Let the next one begin; None if nobody may."""
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
        self._came += 1
        heappush(self._ends, (self.now + self._lasts, self._came, home))
        self._enqueue(home, self._turn)
        return task_id

    def finish_next(self) -> bool:
        """Move on to the next end of a task; False if there is none, or nobody waits for it."""
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
    """Remembers what each reply in line shows."""

    def __init__(self, resources: JobResources) -> None:
        self._resources = resources
        self._shown: dict[int, tuple[int, bool]] = {}
        """By task, the number and whether it waits for room on the disk."""
        self._looked_at = float("-inf")

    def __bool__(self) -> bool:
        """Whether somebody stood in line at the last look."""
        return bool(self._shown)

    async def refresh(self, new: Collection[int] = ()) -> None:
        """Show those in line where they stand, if it is time for it or some of them are `new`."""
        clock = asyncio.get_running_loop().time()
        if not new and clock < self._looked_at + self._resources.timeouts.queue_scan:
            return
        self._looked_at = clock
        turns, timed = await self._turns()
        for task_id in self._shown.keys() - turns.keys():
            del self._shown[task_id]
        moved = {task_id for task_id, turn in turns.items() if task_id in new or self._worth_showing(turn)}
        if not moved:
            return
        for task in await self._resources.store.queue.queued(moved):
            turn = turns[task.id]
            self._shown[task.id] = (turn.number, turn.no_room)
            known = {"queue_position": turn.number, "starts_at": turn.at if timed else None}
            self._resources.reply_port.update(task.model_copy(update=known), None)

    async def _turns(self) -> tuple[dict[int, QueuePosition], bool]:
        """The turns to come by task, and whether their times are more than a guess."""
        resources = self._resources
        snapshot = await resources.store.queue.snapshot(
            resources.operator_limits, resources.server_running, resources.now()
        )
        if not snapshot.waiting:
            return {}, False
        recent = await resources.store.tasks.recent_durations()
        turns = forecast(
            snapshot, resources.operator_limits.max_running, resources.now(), median(recent) if recent else None
        )
        return {turn.task_id: turn for turn in turns}, bool(recent)

    def _worth_showing(self, turn: QueuePosition) -> bool:
        shown, no_room = self._shown.get(turn.task_id, (0, False))
        if turn.number > shown or turn.no_room is not no_room:
            return True
        return turn.number < shown and (turn.number <= _NEAR or turn.number <= shown * _STEP)
