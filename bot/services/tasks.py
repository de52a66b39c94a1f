"""What a person may ask of the bot: the rules and the row, nothing of Discord and no HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.errors import RequestRefused
from bot.domain.events import EventQueue, SubmissionRefused, TaskAccepted
from bot.domain.limits import GuildLimits, OperatorLimits, Requester
from bot.domain.policy import OperatorLimitReached, Screening, SubmissionCheck, WordsChanged, screen
from bot.domain.task import (
    PROMPT_MAX,
    SECONDS_DEFAULT,
    SECONDS_MAX,
    SECONDS_MIN,
    Billed,
    ReplyTarget,
    ResultKind,
    Task,
    TaskRequest,
    TaskState,
)
from bot.i18n.text import tr
from bot.services.ownership import NOT_OWN_TASK, UNKNOWN_TASK, get_own_task
from bot.store import StaleRow, Store

log = logging.getLogger(__name__)

_WARN_AGAIN = timedelta(minutes=10)
_LOOKS = 5
"""How often a prompt is screened, if the moderators keep changing their words meanwhile."""
_NO_ANSWER = tr("I cannot look at the limits just now, so nothing was started: try again in a minute.")


@dataclass(frozen=True, slots=True)
class NeedsConfirmation:
    """Cancelling this task now would not undo the paid request: ask the member once, then say `sure`."""

    task: Task


class TaskService:
    """The requests of members. Every refusal is a Refused, and costs nothing."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        ring: Callable[[int | None], None],
        defaults: GuildLimits,
        operator_limits: OperatorLimits,
        events: EventQueue,
        needs: Callable[[int], int] = lambda _: 0,
    ) -> None:
        """`ring(task_id)` tells whoever does the work that this row is new, or changed; None: the line may move.

        `defaults`: the limits of a server that has set none, and of direct messages; `roofs`: the operator's.
        `needs`: from a clip's size (0: not known) to the bytes that its task needs on the disk.
        """
        self._store = store
        self._now = now
        self._wake_worker = ring
        self._defaults = defaults
        self._operator_limits = operator_limits
        self._needs = needs
        self._events = events
        self._warned: dict[int | None, datetime] = {}
        self._screening = asyncio.Semaphore(1)
        """One prompt at a time, so that long ones do not take the threads that others need."""

    async def submit(self, order: TaskRequest, place: ReplyTarget, requester: Requester) -> Task:
        """Accept the order if the rules allow it, and remember where its reply is; the work begins by itself.

        Check and acceptance are one transaction. Raises Refused, also when the rules cannot be read.
        """
        # Who asks and where is the asker's word: "Try again" may be pressed elsewhere than the order was given.
        here = {"user_id": requester.user_id, "guild_id": requester.guild_id, "channel_id": requester.channel_id}
        order, now = order.model_copy(update=here), self._now()
        try:
            case = SubmissionCheck(order, requester, now, self._defaults, self._operator_limits)
            task = await self._reserve(order, place, case)
        except RequestRefused as refusal:
            if isinstance(refusal, OperatorLimitReached):
                self._log_operator_limit(order.guild_id, str(refusal.message))
            self._events.publish(SubmissionRefused(order, refusal.message, refusal.allowed_at))
            raise
        except Exception as error:
            log.exception("an order of member %d is refused, for the store did not answer", order.user_id)
            raise RequestRefused(_NO_ANSWER) from error
        log.info("task %d %s", task.id, task.state)
        self._wake_worker(task.id)
        self._events.publish(TaskAccepted(task))
        return task

    async def _reserve(self, order: TaskRequest, place: ReplyTarget, case: SubmissionCheck) -> Task:
        """Keep the order as a task. The prompt is screened before the transaction, and again if the words changed."""
        for _ in range(_LOOKS):
            screened = replace(case, screening=await self._screened(order))
            with suppress(WordsChanged):
                needs = self._needs(order.source_bytes)
                return await self._store.tasks.create(order, place, case.now, screened, needs)
        raise RequestRefused(_NO_ANSWER)

    async def _screened(self, order: TaskRequest) -> Screening:
        entries = (await self._store.guilds.get_limits(order.scope_id) or self._defaults).forbidden
        if not entries:
            return Screening()
        async with self._screening:
            return await asyncio.to_thread(screen, order.prompt, entries)

    def _log_operator_limit(self, guild_id: int | None, sentence: str) -> None:
        """Log that a roof is reached, but not a hundred times for a hundred refused orders."""
        now, before = self._now(), self._warned.get(guild_id)
        if before is None or now - before >= _WARN_AGAIN:
            self._warned[guild_id] = now
            log.warning("an operator's limit is reached on server %s: %s", guild_id or "(direct messages)", sentence)

    async def cancel(self, task_id: int, user_id: int, *, sure: bool = False) -> Task | NeedsConfirmation:
        """End the member's own task.

        Before the paid request it is free and immediate. After it FoxAPI has no way back: the bot stops following,
        and the money may be gone, so the first call answers NeedsConfirmation. Raises Refused.
        """
        while True:
            task = await get_own_task(self._store, task_id, user_id)
            if task.state.is_final or task.state is TaskState.READY:
                raise RequestRefused(tr("That task has already ended: there is nothing to cancel."))
            free = task.state in {TaskState.QUEUED, TaskState.PREPARING}
            if not free and not sure:
                return NeedsConfirmation(task)
            billed = Billed.NO if free else Billed.UNKNOWN
            try:
                task = await self._store.tasks.transition(task, TaskState.CANCELLED, self._now(), billed=billed)
            except StaleRow:
                continue  # it went on between the read and the write: look at it again
            log.info("task %d %s by its member", task.id, task.state)
            self._wake_worker(task.id)
            return task

    async def task(self, task_id: int) -> Task:
        """Anybody's task. Raises Refused."""
        task = await self._store.tasks.visible(task_id)
        if task is None:
            raise RequestRefused(UNKNOWN_TASK)
        return task

    async def task_with_film(self, task_id: int) -> Task:
        """Anybody's task whose film may still be used. Raises Refused."""
        task = await self.task(task_id)
        if task.deleted:
            raise RequestRefused(UNKNOWN_TASK)
        return task

    async def task_to_extend(self, task_id: int, user_id: int, guild_id: int | None, message_id: int | None) -> Task:
        """The task, if the member who pressed a button on that message may go on from its film. Raises Refused.

        Its own member may, anywhere. Everybody else may where they see it: on its public reply, in its server.
        """
        task = await self.task_with_film(task_id)
        private = task.order.private or task.place.ephemeral
        here = (task.place.guild_id, task.place.message_id) == (guild_id, message_id)
        if task.order.user_id != user_id and (private or not here):
            raise RequestRefused(NOT_OWN_TASK)
        return task

    async def task_at(self, message_id: int, user_id: int) -> Task | None:
        """The task whose reply is this message, if there is one that this member may go on from."""
        task = await self._store.tasks.find_by_message(message_id)
        if task is None or task.is_erased or task.deleted:
            return None
        return None if task.order.private and task.order.user_id != user_id else task

    async def request_for_retry(self, task_id: int, user_id: int) -> TaskRequest:
        """The order of the member's own task, to be submitted anew. Raises Refused."""
        return (await get_own_task(self._store, task_id, user_id)).order

    async def move_reply(self, task_id: int, user_id: int, place: ReplyTarget) -> Task:
        """From now on the member's own private task is shown at `place`, which has a fresh token. Raises Refused."""
        await self._store.tasks.wait_until_recorded(
            task_id
        )  # else what comes to its end elsewhere just now would not be told here
        while True:
            task = await get_own_task(self._store, task_id, user_id)
            if task.outcome_shown:
                return task
            if not task.place.ephemeral:
                raise RequestRefused(tr("That task has a public reply, which I can always change: look there."))
            try:
                task = await self._store.tasks.update(task, place=place)
            except StaleRow:
                continue  # it went on between the read and the write
            self._wake_worker(task.id)
            return task

    async def tasks_of(self, user_id: int, limit: int = 10) -> list[Task]:
        """The member's newest tasks, newest first."""
        return await self._store.tasks.of_member(user_id, limit)


def _storable(text: str) -> str:
    """`text` without what no database takes: NULs, and halves of characters."""
    return text.replace("\0", "").encode(errors="replace").decode()


def make_request(
    *,
    user_id: int,
    guild_id: int | None,
    channel_id: int,
    prompt: str,
    source_url: str,
    source_name: str = "",
    source_bytes: int = 0,
    seconds: int | None = None,
    result: ResultKind = ResultKind.FILM,
    private: bool = False,
) -> TaskRequest:
    """Check what can be checked without the clip, and make the order; raises Refused."""
    prompt = _storable(prompt).strip()
    if not prompt:
        raise RequestRefused(tr("The prompt is empty: write what should happen next in the video."))
    if len(prompt) > PROMPT_MAX:
        raise RequestRefused(
            tr(
                "That prompt has {length} characters; FoxAPI takes at most {most}: shorten it.",
                length=len(prompt),
                most=PROMPT_MAX,
            )
        )
    seconds = SECONDS_DEFAULT if seconds is None else seconds
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise RequestRefused(
            tr(
                "FoxAPI adds {least} to {most} seconds at a time: choose a number between them.",
                least=SECONDS_MIN,
                most=SECONDS_MAX,
            )
        )
    return TaskRequest(
        user_id=user_id,
        guild_id=guild_id,
        channel_id=channel_id,
        prompt=prompt,
        seconds=seconds,
        source_url=_storable(source_url),
        source_name=_storable(source_name)[:200],
        source_bytes=source_bytes,
        result=result,
        private=private,
    )
