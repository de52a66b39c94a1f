"""The line, as those who stand in it see it: their turn and about when it comes, kept up to date but not to excess."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from statistics import median

from bot.runner.forecast import Turn, forecast
from bot.runner.tools import Tools

_NEAR = 5
"""From this turn on every step is worth showing; before it only a fifth of the way."""
_FIFTH = 0.8


class Line:
    """Remembers what each reply in line shows."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._shown: dict[int, tuple[int, bool]] = {}
        """By task, the number and whether it waits for room on the disk."""
        self._looked_at = float("-inf")

    def __bool__(self) -> bool:
        """Whether somebody stood in line at the last look."""
        return bool(self._shown)

    async def look(self, new: Collection[int] = ()) -> None:
        """Show those in line where they stand, if it is time for it or some of them are `new`."""
        clock = asyncio.get_running_loop().time()
        if not new and clock < self._looked_at + self._tools.patience.line:
            return
        self._looked_at = clock
        turns, timed = await self._turns()
        for task_id in self._shown.keys() - turns.keys():
            del self._shown[task_id]
        moved = {task_id for task_id, turn in turns.items() if task_id in new or self._is_news(turn)}
        if not moved:
            return
        for task in await self._tools.store.in_line(moved):
            turn = turns[task.id]
            self._shown[task.id] = (turn.number, turn.no_room)
            known = {"turn": turn.number, "starts_at": turn.at if timed else None}
            self._tools.screen.show(task.model_copy(update=known), None)

    async def _turns(self) -> tuple[dict[int, Turn], bool]:
        """The turns to come by task, and whether their times are more than a guess."""
        tools = self._tools
        lineup = await tools.store.lineup(tools.roofs, tools.server_running, tools.now())
        if not lineup.waiting:
            return {}, False
        recent = await tools.store.recent_durations()
        turns = forecast(lineup, tools.roofs.max_running, tools.now(), median(recent) if recent else None)
        return {turn.task_id: turn for turn in turns}, bool(recent)

    def _is_news(self, turn: Turn) -> bool:
        shown, no_room = self._shown.get(turn.task_id, (0, False))
        if turn.number > shown or turn.no_room is not no_room:
            return True
        return turn.number < shown and (turn.number <= _NEAR or turn.number <= shown * _FIFTH)
