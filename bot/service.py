"""What a person may ask of the bot: the rules and the row, nothing of Discord and no HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.store import Moved, Store
from bot.task import (
    PROMPT_MAX,
    SECONDS_DEFAULT,
    SECONDS_MAX,
    SECONDS_MIN,
    Billed,
    Order,
    Place,
    Refused,
    ResultKind,
    State,
    Task,
)


@dataclass(frozen=True, slots=True)
class NeedsConfirmation:
    """Cancelling this task now would not undo the paid request: ask the member once, then say `sure`."""

    task: Task


class Service:
    """The requests of members. Every refusal is a Refused, and costs nothing."""

    def __init__(self, store: Store, now: Callable[[], datetime], ring: Callable[[int], None]) -> None:
        """`ring(task_id)` tells whoever does the work that this row is new, or changed."""
        self._store = store
        self._now = now
        self._ring = ring

    async def submit(self, order: Order, place: Place) -> Task:
        """Accept the order, and remember where its reply is; the work begins by itself."""
        task = await self._store.add(order, place, self._now())
        self._ring(task.id)
        return task

    async def cancel(self, task_id: int, user_id: int, *, sure: bool = False) -> Task | NeedsConfirmation:
        """End the member's own task.

        Before the paid request it is free and immediate. After it FoxAPI has no way back: the bot stops following,
        and the money may be gone, so the first call answers NeedsConfirmation. Raises Refused.
        """
        while True:
            task = await self._own(task_id, user_id)
            if task.state.ended or task.state is State.READY:
                raise Refused("That task has already ended: there is nothing to cancel.")
            free = task.state in {State.QUEUED, State.PREPARING}
            if not free and not sure:
                return NeedsConfirmation(task)
            billed = Billed.NO if free else Billed.UNKNOWN
            try:
                task = await self._store.move(task, State.CANCELLED, self._now(), billed=billed)
            except Moved:
                continue  # it went on between the read and the write: look at it again
            self._ring(task.id)
            return task

    async def task(self, task_id: int) -> Task:
        """Anybody's task. Raises Refused."""
        task = await self._store.get(task_id)
        if task is None:
            raise Refused("I no longer know that task.")
        return task

    async def task_at(self, message_id: int) -> Task | None:
        """The task whose reply is this message, if there is one."""
        return await self._store.shown_at(message_id)

    async def order_again(self, task_id: int, user_id: int) -> Order:
        """The order of the member's own task, to be submitted anew. Raises Refused."""
        return (await self._own(task_id, user_id)).order

    async def move_reply(self, task_id: int, user_id: int, place: Place) -> Task:
        """From now on the member's own task is shown at `place`, which has a fresh token. Raises Refused."""
        while True:
            task = await self._own(task_id, user_id)
            if task.told:
                return task
            try:
                task = await self._store.note(task, place=place)
            except Moved:
                continue  # it went on between the read and the write
            self._ring(task.id)
            return task

    async def tasks_of(self, user_id: int, limit: int = 10) -> list[Task]:
        """The member's newest tasks, newest first."""
        return await self._store.of_member(user_id, limit)

    async def recall(self, name: str) -> str | None:
        """Read what the bot noted for itself under this name."""
        return await self._store.remembered(name)

    async def remember(self, name: str, value: str) -> None:
        """Note something for the bot's next start."""
        await self._store.remember(name, value)

    async def _own(self, task_id: int, user_id: int) -> Task:
        task = await self.task(task_id)
        if task.order.user_id != user_id:
            raise Refused("Only the member who started that task can do this.")
        return task


def order_of(
    *,
    user_id: int,
    guild_id: int | None,
    channel_id: int,
    prompt: str,
    source_url: str,
    source_name: str = "",
    seconds: int | None = None,
    result: ResultKind = ResultKind.FILM,
    private: bool = False,
) -> Order:
    """Check what can be checked without the clip, and make the order; raises Refused."""
    prompt = prompt.strip()
    if not prompt:
        raise Refused("The prompt is empty: write what should happen next in the video.")
    if len(prompt) > PROMPT_MAX:
        raise Refused(f"That prompt has {len(prompt):,} characters; FoxAPI takes at most {PROMPT_MAX:,}: shorten it.")
    seconds = SECONDS_DEFAULT if seconds is None else seconds
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise Refused(f"FoxAPI adds {SECONDS_MIN} to {SECONDS_MAX} seconds at a time: choose a number between them.")
    return Order(
        user_id=user_id,
        guild_id=guild_id,
        channel_id=channel_id,
        prompt=prompt,
        seconds=seconds,
        source_url=source_url,
        source_name=source_name[:200],
        result=result,
        private=private,
    )
