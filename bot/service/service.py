"""What a person may ask of the bot: the rules and the row, nothing of Discord and no HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.limits import Case, RoofReached, is_exempt
from bot.news import News, OrderRefused, TaskAccepted
from bot.phrase import say
from bot.rules import Asker, Limits, Roofs
from bot.service.answers import Kept, Quota
from bot.service.moderation import Moderation
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

log = logging.getLogger(__name__)

_WARN_AGAIN = timedelta(minutes=10)
_NO_ANSWER = say("I cannot look at the limits just now, so nothing was started: try again in a minute.")


@dataclass(frozen=True, slots=True)
class NeedsConfirmation:
    """Cancelling this task now would not undo the paid request: ask the member once, then say `sure`."""

    task: Task


class Service:
    """The requests of members. Every refusal is a Refused, and costs nothing."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        ring: Callable[[int | None], None],
        defaults: Limits,
        roofs: Roofs,
        news: News,
    ) -> None:
        """`ring(task_id)` tells whoever does the work that this row is new, or changed; None: the line may move.

        `defaults`: the limits of a server that has set none, and of direct messages; `roofs`: the operator's.
        """
        self._store = store
        self._now = now
        self._ring = ring
        self._defaults = defaults
        self._roofs = roofs
        self.news = news
        """What happens, for the log channels."""
        self._warned: dict[int | None, datetime] = {}
        self.moderation = Moderation(store, now, lambda: ring(None), self._defaults, self._roofs, self.news)

    async def submit(self, order: Order, place: Place, asker: Asker) -> Task:
        """Accept the order if the rules allow it, and remember where its reply is; the work begins by itself.

        Check and acceptance are one transaction. Raises Refused, also when the rules cannot be read.
        """
        # Who asks and where is the asker's word: "Try again" may be pressed elsewhere than the order was given.
        here = {"user_id": asker.user_id, "guild_id": asker.guild_id, "channel_id": asker.channel_id}
        order, now = order.model_copy(update=here), self._now()
        try:
            task = await self._store.reserve(order, place, now, Case(order, asker, now, self._defaults, self._roofs))
        except Refused as refusal:
            if isinstance(refusal, RoofReached):
                self._warn(order.guild_id, str(refusal.sentence))
            self.news.tell(OrderRefused(order, refusal.sentence, refusal.allowed_at))
            raise
        except Exception as error:
            log.exception("an order of member %d is refused, for the store did not answer", order.user_id)
            raise Refused(_NO_ANSWER) from error
        log.info("task %d %s", task.id, task.state)
        self._ring(task.id)
        self.news.tell(TaskAccepted(task))
        return task

    async def quota(self, asker: Asker) -> Quota:
        """What the member has left here, when it renews, and why they would be refused now."""
        now = self._now()
        case = Case(_anything(asker), asker, now, self._defaults, self._roofs)
        look = await self._store.books.look(asker.home, asker.user_id, case.ceilings, now)
        limits, refused = look.limits or self._defaults, None
        try:
            case.check(limits, look.usage)
        except Refused as refusal:
            refused = refusal
        return Quota(
            limits=limits,
            per_day=case.ceilings(limits).member,
            used=look.usage.member.count,
            granted=look.usage.granted,
            renews_at=look.oldest + timedelta(hours=24) if look.oldest else None,
            unfinished=look.usage.unfinished,
            exempt=is_exempt(limits, asker),
            refused=refused,
        )

    async def kept(self, user_id: int) -> Kept:
        """What the bot keeps of this member, everywhere."""
        return Kept(*await self._store.books.of_person(user_id))

    async def forget(self, user_id: int) -> Kept:
        """Delete the member's tasks, everywhere; return what is still kept.

        Unfinished ones are deleted when they have ended. Of those of the last 24 hours all content goes at once, and
        the rest (that there was one: the limits count it) after a day. Blocks and extra runs belong to the servers.
        """
        await self._store.attic.forget(user_id, self._now())
        return await self.kept(user_id)

    def _warn(self, guild_id: int | None, sentence: str) -> None:
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
            task = await self._own(task_id, user_id)
            if task.state.ended or task.state is State.READY:
                raise Refused(say("That task has already ended: there is nothing to cancel."))
            free = task.state in {State.QUEUED, State.PREPARING}
            if not free and not sure:
                return NeedsConfirmation(task)
            billed = Billed.NO if free else Billed.UNKNOWN
            try:
                task = await self._store.move(task, State.CANCELLED, self._now(), billed=billed)
            except Moved:
                continue  # it went on between the read and the write: look at it again
            log.info("task %d %s by its member", task.id, task.state)
            self._ring(task.id)
            return task

    async def task(self, task_id: int) -> Task:
        """Anybody's task. Raises Refused."""
        task = await self._store.get(task_id)
        if task is None or task.emptied or (task.forgotten and task.state.ended):
            raise Refused(say("I no longer know that task."))
        return task

    async def task_at(self, message_id: int) -> Task | None:
        """The task whose reply is this message, if there is one."""
        return await self._store.shown_at(message_id)

    async def order_again(self, task_id: int, user_id: int) -> Order:
        """The order of the member's own task, to be submitted anew. Raises Refused."""
        return (await self._own(task_id, user_id)).order

    async def move_reply(self, task_id: int, user_id: int, place: Place) -> Task:
        """From now on the member's own task is shown at `place`, which has a fresh token. Raises Refused."""
        await self._store.settled(task_id)  # else what comes to its end elsewhere just now would not be told here
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
            raise Refused(say("Only the member who started that task can do this."))
        return task


def _storable(text: str) -> str:
    """`text` without what no database takes: NULs, and halves of characters."""
    return text.replace("\0", "").encode(errors="replace").decode()


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
    prompt = _storable(prompt).strip()
    if not prompt:
        raise Refused(say("The prompt is empty: write what should happen next in the video."))
    if len(prompt) > PROMPT_MAX:
        raise Refused(
            say(
                "That prompt has {length} characters; FoxAPI takes at most {most}: shorten it.",
                length=len(prompt),
                most=PROMPT_MAX,
            )
        )
    seconds = SECONDS_DEFAULT if seconds is None else seconds
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise Refused(
            say(
                "FoxAPI adds {least} to {most} seconds at a time: choose a number between them.",
                least=SECONDS_MIN,
                most=SECONDS_MAX,
            )
        )
    return Order(
        user_id=user_id,
        guild_id=guild_id,
        channel_id=channel_id,
        prompt=prompt,
        seconds=seconds,
        source_url=_storable(source_url),
        source_name=_storable(source_name)[:200],
        result=result,
        private=private,
    )


def _anything(asker: Asker) -> Order:
    """The order that no rule on what is ordered can refuse."""
    return Order(
        user_id=asker.user_id,
        guild_id=asker.guild_id,
        channel_id=asker.channel_id,
        prompt="-",
        seconds=SECONDS_MIN,
        source_url="",
    )
