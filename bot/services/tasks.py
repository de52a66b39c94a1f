"""Submit, cancel and look up tasks. Nothing of Discord, and no HTTP."""

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
    Billed,
    ReplyTarget,
    Task,
    TaskRequest,
    TaskState,
)
from bot.i18n.text import tr
from bot.services.ownership import NOT_OWN_TASK, UNKNOWN_TASK, Actor, get_own_task
from bot.store import StaleRow, Store

log = logging.getLogger(__name__)

_WARNING_INTERVAL = timedelta(minutes=10)
_SCREENINGS = 5
"""How often a prompt is screened if moderators keep changing the forbidden words in the meantime."""
_BY_MODERATOR = tr("A moderator of this server cancelled it.")
_LIMITS_UNREADABLE = tr("I cannot read the limits right now, so nothing was started: try again in a minute.")


_OUTCOME_UNKNOWN = tr(
    "The database stopped answering, so it is unknown whether this was started: look at /tasks in a minute before you "
    "try again."
)
_LOOKUP_GAPS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each look for a request whose commit was not confirmed."""


@dataclass(frozen=True, slots=True)
class NeedsConfirmation:
    """The paid request of this task cannot be undone. Ask the member once, then cancel with `confirmed`."""

    task: Task


class TaskService:
    """What members can do with tasks. Every refusal is a RequestRefused and costs nothing."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        wake_worker: Callable[[int | None], None],
        defaults: GuildLimits,
        operator_limits: OperatorLimits,
        events: EventQueue,
        needs: Callable[[int], int] = lambda _: 0,
    ) -> None:
        """`wake_worker(task_id)` tells the worker that this task is new or changed.

        `defaults`: the limits of servers that have set none, and of direct messages.
        `needs`: the disk space in bytes that a task needs, by its clip's size (0: unknown).
        """
        self._store = store
        self._now = now
        self._wake_worker = wake_worker
        self._defaults = defaults
        self._operator_limits = operator_limits
        self._needs = needs
        self._events = events
        self._warned: dict[int | None, datetime] = {}
        self._screening = asyncio.Semaphore(1)
        """Screens one prompt at a time, so that long prompts do not occupy the shared threads."""

    async def submit(self, order: TaskRequest, place: ReplyTarget, requester: Requester) -> Task:
        """Check the request against the rules and store it as a task, which the worker then starts.

        Check and insertion are one transaction. Raises RequestRefused, also if the limits cannot be read.
        """
        # The requester decides who and where: "New take" can be pressed elsewhere than the first request was made.
        here = {"user_id": requester.user_id, "guild_id": requester.guild_id, "channel_id": requester.channel_id}
        order, now = order.model_copy(update=here), self._now()
        try:
            case = SubmissionCheck(order, requester, now, self._defaults, self._operator_limits)
            task = await self._reserve(order, place, case)
        except RequestRefused as refusal:
            self._report_refusal(order, refusal)
            raise
        except Exception as error:
            log.exception("a request of member %d was not stored, or the store's answer was lost", order.user_id)
            if (stored := await self._find_submitted(place)) is None:
                raise RequestRefused(_LIMITS_UNREADABLE) from error
            task = stored
        log.info("task %d %s", task.id, task.state)
        self._wake_worker(task.id)
        self._events.publish(TaskAccepted(task))
        return task

    async def check(self, order: TaskRequest, requester: Requester) -> None:
        """Raise the RequestRefused that :meth:`submit` would raise now. Failures of the store are left to it."""
        now = self._now()
        case = SubmissionCheck(order, requester, now, self._defaults, self._operator_limits)
        try:
            usage = await self._store.reports.read_quota(order.scope_id, order.user_id, case.daily_limits, now)
            screened = replace(case, screening=await self._screen_prompt(order))
        except Exception as error:
            log.warning("a request of member %d could not be checked early: %s", order.user_id, error)
            return
        try:
            with suppress(WordsChanged):
                screened.check(usage.limits, usage.usage)
        except RequestRefused as refusal:
            self._report_refusal(order, refusal)
            raise

    def _report_refusal(self, order: TaskRequest, refusal: RequestRefused) -> None:
        """Tell the moderators, and the operator if it is one of their limits."""
        if isinstance(refusal, OperatorLimitReached):
            self._log_operator_limit(order.guild_id, str(refusal.message))
        self._events.publish(SubmissionRefused(order, refusal.message, refusal.allowed_at))

    async def _reserve(self, order: TaskRequest, place: ReplyTarget, case: SubmissionCheck) -> Task:
        """Store the request. The prompt is screened before the transaction, and again if the words changed."""
        for _ in range(_SCREENINGS):
            screened = replace(case, screening=await self._screen_prompt(order))
            with suppress(WordsChanged):
                needs = self._needs(order.source_bytes)
                return await self._store.tasks.create(order, place, case.now, screened, needs)
        raise RequestRefused(_LIMITS_UNREADABLE)

    async def _find_submitted(self, place: ReplyTarget) -> Task | None:
        """Return the task of this reply. It exists if the commit's answer was lost, or if another process stored it.

        Raises RequestRefused if the store does not answer.
        """
        for gap in _LOOKUP_GAPS:
            await asyncio.sleep(gap)
            try:
                return await self._store.tasks.find_submitted(place.message_id)
            except Exception as error:
                log.warning("whether a request was stored could not be looked up: %s", error)
        raise RequestRefused(_OUTCOME_UNKNOWN)

    async def _screen_prompt(self, order: TaskRequest) -> Screening:
        entries = (await self._store.guilds.get_limits(order.scope_id) or self._defaults).forbidden
        if not entries:
            return Screening()
        async with self._screening:
            return await asyncio.to_thread(screen, order.prompt, entries)

    def _log_operator_limit(self, guild_id: int | None, sentence: str) -> None:
        """Log that an operator limit is reached, at most once per server and interval."""
        now, before = self._now(), self._warned.get(guild_id)
        if before is None or now - before >= _WARNING_INTERVAL:
            self._warned[guild_id] = now
            log.warning("an operator limit is reached on server %s: %s", guild_id or "(direct messages)", sentence)

    async def cancel(self, task_id: int, actor: Actor, *, confirmed: bool = False) -> Task | NeedsConfirmation:
        """Cancel a member's own task, or as a moderator one with a public reply in the server.

        Before the paid request this is free and immediate. FoxAPI cannot cancel a paid request: the bot stops polling,
        and the task may be billed, so the call returns NeedsConfirmation unless `confirmed`. Raises RequestRefused.
        """
        while True:
            task = await self.get_task(task_id)
            is_own = task.order.user_id == actor.user_id
            if not is_own and not actor.can_moderate(task.place):
                raise RequestRefused(NOT_OWN_TASK)
            if task.state.is_final or task.state is TaskState.READY:
                raise RequestRefused(tr("That task has already ended: there is nothing to cancel."))
            free = task.state in {TaskState.QUEUED, TaskState.PREPARING}
            if not free and not confirmed:
                return NeedsConfirmation(task)
            billed = Billed.NO if free else Billed.UNKNOWN
            try:
                reason = None if is_own else _BY_MODERATOR
                task = await self._store.tasks.transition(
                    task, TaskState.CANCELLED, self._now(), billed=billed, reason=reason
                )
            except StaleRow:
                continue  # it changed between the read and the write: read it again
            log.info("task %d %s by member %d", task.id, task.state, actor.user_id)
            self._wake_worker(task.id)
            return task

    async def get_task(self, task_id: int) -> Task:
        """Return any member's task. Raises RequestRefused."""
        task = await self._store.tasks.get_visible(task_id)
        if task is None:
            raise RequestRefused(UNKNOWN_TASK)
        return task

    async def get_task_with_film(self, task_id: int) -> Task:
        """Return any member's task whose video can still be used. Raises RequestRefused."""
        task = await self.get_task(task_id)
        if task.deleted:
            raise RequestRefused(UNKNOWN_TASK)
        return task

    async def get_task_to_extend(
        self, task_id: int, user_id: int, guild_id: int | None, message_id: int | None
    ) -> Task:
        """Return the task if the member who pressed a button on that message can extend its video.

        Its own member can, anywhere. Other members can on its public reply, in its server. Raises RequestRefused.
        """
        task = await self.get_task_with_film(task_id)
        private = task.order.private or task.place.ephemeral
        here = (task.place.guild_id, task.place.message_id) == (guild_id, message_id)
        if task.order.user_id != user_id and (private or not here):
            raise RequestRefused(NOT_OWN_TASK)
        return task

    async def find_task_at(self, message_id: int, user_id: int) -> Task | None:
        """Return the task whose reply is this message, if this member can extend its video."""
        task = await self._store.tasks.find_by_message(message_id)
        if task is None or task.is_erased or task.deleted:
            return None
        return None if task.order.private and task.order.user_id != user_id else task

    async def make_retry_request(self, task_id: int, user_id: int) -> TaskRequest:
        """Return the request of the member's own task, to submit it again. Raises RequestRefused."""
        return (await get_own_task(self._store, task_id, user_id)).order

    async def move_reply(self, task_id: int, user_id: int, place: ReplyTarget) -> Task:
        """Show the member's own private task at `place`, which has a fresh token. Raises RequestRefused."""
        # An outcome that is being shown at the old place right now would otherwise not be shown here.
        await self._store.tasks.wait_until_recorded(task_id)
        while True:
            task = await get_own_task(self._store, task_id, user_id)
            if task.outcome_shown:
                return task
            if not task.place.ephemeral:
                raise RequestRefused(tr("That task has a public reply, which I can always change: look there."))
            try:
                task = await self._store.tasks.update(task, place=place)
            except StaleRow:
                continue  # it changed between the read and the write
            self._wake_worker(task.id)
            return task

    async def list_tasks(self, user_id: int, limit: int = 10) -> list[Task]:
        """Return the member's newest tasks, newest first."""
        return await self._store.tasks.list_for_member(user_id, limit)
