"""Every call of the store, made as the bot makes it, on a community's history (tests/support/history.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import update

from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits, OperatorLimits
from bot.domain.task import Billed, NotifyPreference, Task, TaskState
from bot.store import Store
from bot.store.tables import tasks
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.history import FIRST_MEMBER, HOME

FINISHED = 20_000
DAY, LATE = timedelta(days=1), NOON + timedelta(minutes=1)
OPEN = OperatorLimits(max_running=10**6, max_preparing=10**6)
OPERATOR_LIMITS = OperatorLimits(
    max_running=100, max_per_day=5000, guild_share_percent=50, max_waiting=10**6, server_waiting=10**6, free_failures=1
)
LIMITS = GuildLimits(user_per_day=50, server_per_day=400, user_running=50, cooldown=1)
MEMBER, ENDED = FIRST_MEMBER + 7, FINISHED - 2
"""Whose tasks are looked at, and one of those that have ended."""
Call = Callable[[], Awaitable[object]]


async def a_busy_store(store: Store) -> dict[str, Task]:
    """Add to the history what there is at one moment: some in line, some at work, some shared, some forgotten."""
    found: dict[str, Task] = {}
    for number in range(40):
        order = an_order(user_id=FIRST_MEMBER + number, guild_id=HOME, parent_id=19_000 + number)
        found["in line"] = await store.tasks.create(order, a_place(5000 + number), NOON, a_case(order))
    for number, state in enumerate(
        [TaskState.PREPARING, TaskState.SUBMITTING, TaskState.RENDERING, TaskState.READY] * 4
    ):
        found[state] = await store.tasks.transition(await _claimed(store), state, NOON, overdue=number == 2)
    found["begun"] = await _claimed(store)
    for name, changes in _WAITING.items():
        found[name] = await store.tasks.update(await _claimed(store), **changes)
    return found


_WAITING: dict[str, dict[str, object]] = {
    "prepared": {"prepared_at": NOON},
    "waits": {"retry_at": NOON},
    "suspect": {"retry_at": NOON, "crashes": 2},
}


async def _claimed(store: Store) -> Task:
    task = await store.queue.claim(OPEN, NOON)
    assert task
    return task


async def damage(store: Store, task_id: int) -> None:
    """Make a row one that cannot be read."""
    async with store._database.write_transaction() as connection:
        await connection.execute(update(tasks).where(tasks.c.id == task_id).values(billed="nonsense"))


class StoreCalls:
    """By the names of the store's methods, a call of each."""

    def __init__(self, store: Store, rows: dict[str, Task]) -> None:
        """`rows`: those of :func:`a_busy_store`."""
        self._store = store
        self._rows = rows
        self._places = iter(range(7000, 8000))
        self._order = an_order(user_id=MEMBER, guild_id=HOME)

    def all(self) -> dict[str, Call]:
        """In the order in which they can be called."""
        parts = (self._of_store(), self._of_processes(), self._of_counts(), self._of_members(), self._of_servers())
        return {name: call for part in (*parts, self._of_shares(), self._of_attic()) for name, call in part.items()}

    def _of_store(self) -> dict[str, Call]:
        store, rows = self._store, self._rows
        return {
            "leases.join": store.leases.register,
            "reserve": self._reserve,
            "claim": self._claim,
            "go_on": self._go_on,
            "mark_prepared": lambda: store.queue.mark_prepared(rows["begun"], OPEN, 0, NOON, head_ends=0.5),
            "give_slot": lambda: store.queue.give_slot(OPEN, 0, NOON),
            "lineup": lambda: store.queue.snapshot(OPERATOR_LIMITS, 5, NOON),
            "in_line": lambda: store.queue.queued([rows["in line"].id]),
            "get": lambda: store.tasks.get(ENDED),
            "visible": lambda: store.tasks.visible(ENDED),
            "settled": lambda: store.tasks.wait_until_recorded(ENDED),
            "shown_at": lambda: store.tasks.find_by_message(1_000_000_005),
            "unfinished": store.tasks.unfinished,
            "unfinished_ids": store.tasks.unfinished_ids,
            "of_member": lambda: store.tasks.of_member(MEMBER, 25),
            "move": lambda: store.tasks.transition(rows[TaskState.SUBMITTING], TaskState.RENDERING, NOON),
            "note": lambda: store.tasks.update(rows[TaskState.RENDERING], progress=50),
            "recent_durations": store.tasks.recent_durations,
            "remember": lambda: store.set_note("a", "b"),
            "remembered": lambda: store.get_note("a"),
        }

    async def _reserve(self) -> None:
        store, order = self._store, self._order
        await store.guilds.grant(HOME, MEMBER, 1)
        await store.tasks.create(order, a_place(next(self._places)), LATE, a_case(order, LATE, LIMITS, OPERATOR_LIMITS))
        tight = LIMITS.model_copy(update={"user_per_day": 1, "server_per_day": 0})
        later = LATE + DAY / 2
        granted = await store.tasks.create(order, a_place(next(self._places)), later, a_case(order, later, tight))
        await store.tasks.transition(granted, TaskState.CANCELLED, LATE, billed=Billed.NO, outcome_shown=True)

        failed = await store.tasks.create(order, a_place(next(self._places)), LATE, a_case(order, LATE))
        await store.tasks.transition(failed, TaskState.FAILED, LATE, billed=Billed.NO, outcome_shown=True)
        with suppress(RequestRefused):  # one that failed is enough
            await store.tasks.create(
                order, a_place(next(self._places)), LATE, a_case(order, LATE, operator_limits=OPERATOR_LIMITS)
            )
            raise AssertionError

    async def _claim(self) -> None:
        store, room = self._store, 100
        large = await store.tasks.create(
            self._order, a_place(next(self._places)), NOON, a_case(self._order), needs=room + 1
        )
        assert await store.queue.claim(OPEN, NOON, room)
        while await store.queue.claim(OPEN, NOON, room):  # until that one alone is in line, and finds no room
            pass
        assert await store.queue.claim(OPEN, LATE + DAY, room) is None
        found = await store.queue.claim(OPEN, LATE + DAY)
        assert found
        assert found.id == large.id

    async def _go_on(self) -> None:
        for name in ("waits", "suspect"):
            assert (await self._store.queue.resume(self._rows[name], OPEN, 0, NOON)).retry_at is None

    def _of_processes(self) -> dict[str, Call]:
        store = self._store
        return {
            "leases.beat": store.leases.heartbeat,
            "leases.has_duty": lambda: store.leases.acquire_duty("line"),
            "leases.take": self._take,
            "paces.turn": lambda: store.shared_turns.reserve("identify", 5),
            "pauses.begin": lambda: store.circuit_state.open(lambda _: (1.0, 0.1)),
            "pauses.turn": lambda: store.circuit_state.acquire_probe(1),
            "pauses.lasts": store.circuit_state.is_open,
            "pauses.end": store.circuit_state.close,
        }

    async def _take(self) -> None:
        leases = self._store.leases
        await leases.unregister()
        await leases.register()
        await damage(self._store, self._rows[TaskState.PREPARING].id)
        assert await leases.claim_orphaned([])
        assert await leases.claim_orphaned([])  # what it holds without knowing

    def _of_counts(self) -> dict[str, Call]:
        store, books = self._store, self._store.reports
        return {
            "overview.read": store.reports.read_task_counts,
            "books.look": lambda: books.quota_snapshot(
                HOME, MEMBER, a_case(self._order, LATE, LIMITS, OPERATOR_LIMITS).daily_limits, LATE
            ),
            "books.in_use": lambda: books.current_usage(HOME, NOON),
            "books.tallies": lambda: books.usage_rows(HOME, NOON - 30 * DAY),
            "books.of_person": lambda: books.member_totals(MEMBER),
        }

    def _of_members(self) -> dict[str, Call]:
        catalogue = self._store.tasks
        return {
            "catalogue.page": lambda: catalogue.page(MEMBER, 0, 5),
            "catalogue.count": lambda: catalogue.count(MEMBER),
            "catalogue.search": lambda: catalogue.search(MEMBER, "nothing of the kind", 25),
            "catalogue.next_parts": lambda: catalogue.children(range(19_000, 19_010)),
            "catalogue.worth_keeping": lambda: catalogue.with_keepable_video(range(5, FINISHED, 200)),
            "catalogue.set_notify": lambda: catalogue.set_notify_preference(MEMBER, NotifyPreference.NEVER),
            "catalogue.notify": lambda: catalogue.notify_preference(MEMBER),
        }

    def _of_servers(self) -> dict[str, Call]:
        servers = self._store.guilds
        return {
            "servers.limits_of": lambda: servers.get_limits(HOME),
            "servers.change": lambda: servers.change(HOME, lambda _: LIMITS),
            "servers.block": lambda: servers.block(HOME, MEMBER, 1, NOON),
            "servers.unblock": lambda: servers.unblock(HOME, MEMBER),
            "servers.reset": self._reset,
            "servers.grant": lambda: servers.grant(HOME, MEMBER, 1),
            "servers.ruled": lambda: servers.moderated_members(HOME),
            "servers.left": lambda: servers.mark_left(33, NOON - 99 * DAY),
            "servers.joined": lambda: servers.mark_joined(44),
            "servers.present": self._present,
        }

    async def _reset(self) -> None:
        await self._store.guilds.reset(HOME, None)
        await self._store.guilds.reset(HOME, MEMBER)

    async def _present(self) -> None:
        await self._store.guilds.sync([33], NOON)
        await self._store.guilds.sync([HOME, 33], NOON)
        await self._store.guilds.mark_left(33, NOON - 99 * DAY)

    def _of_shares(self) -> dict[str, Call]:
        shares = self._store.shares
        return {
            "shares.intend": self._share,
            "shares.note": self._note_share,
            "shares.note_all": lambda: shares.update_all([5, 6], stars=2),
            "shares.get": lambda: shares.get(5),
            "shares.of_task": lambda: shares.of_task(ENDED),
            "shares.at": lambda: shares.find_by_message(HOME, 2_000_000_011),
            "shares.left_behind": lambda: shares.of_deleted_tasks(20),
            "shares.unsettled": lambda: shares.unconfirmed(20),
            "shares.posted": lambda: shares.posted(HOME, NOON - 30 * DAY, 50),
            "shares.set_showcase": self._showcase,
            "shares.showcase": lambda: shares.showcase(HOME),
            "shares.remove": lambda: shares.remove(7),
        }

    async def _share(self) -> None:
        task = await self._store.tasks.get(ENDED)
        assert task
        assert await self._store.shares.reserve(task, HOME, 44, NOON, hidden=False)
        await self._store.tasks.update(task, deleted=True)

    async def _note_share(self) -> None:
        share = await self._store.shares.get(9)
        assert share
        await self._store.shares.update(share, stars=1)

    async def _showcase(self) -> None:
        await self._store.shares.set_showcase(HOME, 5)
        await self._store.shares.set_showcase(HOME, None)

    def _of_attic(self) -> dict[str, Call]:
        retention = self._store.retention
        return {
            "attic.forget": self._forget,
            "attic.sweep": lambda: retention.delete_due(NOON, 30 * DAY),
            "attic.delete_tokens": lambda: retention.delete_tokens(NOON + DAY),
            "attic.retire": self._retire,
            "leases.leave": self._store.leases.unregister,
        }

    async def _forget(self) -> None:
        await damage(self._store, FINISHED + 1 - 8)  # of the last day, and theirs
        await self._store.retention.delete_member(MEMBER + 1, NOON)

    async def _retire(self) -> None:
        assert await self._store.retention.expire(NOON, DAY * 59.5)
        assert await self._store.retention.expire(NOON - DAY * 58, DAY)
