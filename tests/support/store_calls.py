"""A call of each public method of the store, as the bot makes it, on the history of tests/support/history.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from sqlalchemy import update

from bot.domain.errors import RequestRefused
from bot.domain.limits import GuildLimits, OperatorLimits
from bot.domain.task import Billed, NotifyPreference, Task, TaskFilter, TaskState
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
"""The member whose tasks are read, and the id of a finished task."""
Call = Callable[[], Awaitable[object]]


async def a_busy_store(store: Store) -> dict[str, Task]:
    """Add unfinished tasks to the history: queued, started, prepared and waiting for a retry."""
    found: dict[str, Task] = {}
    for number in range(40):
        order = an_order(user_id=FIRST_MEMBER + number, guild_id=HOME, parent_id=19_000 + number)
        found["in line"] = await store.tasks.create(order, a_place(5000 + number), NOON, a_case(order))
    for number, state in enumerate(
        [TaskState.PREPARING, TaskState.SUBMITTING, TaskState.RENDERING, TaskState.READY] * 4
    ):
        found[state] = await store.tasks.transition(await _claim_next(store), state, NOON, overdue=number == 2)
    found["begun"] = await _claim_next(store)
    for name, changes in _CHANGES.items():
        found[name] = await store.tasks.update(await _claim_next(store), **changes)
    return found


_CHANGES: dict[str, dict[str, object]] = {
    "prepared": {"prepared_at": NOON},
    "waits": {"retry_at": NOON},
    "suspect": {"retry_at": NOON, "crashes": 2},
}


async def _claim_next(store: Store) -> Task:
    task = await store.queue.claim(OPEN, NOON)
    assert task
    return task


async def damage(store: Store, task_id: int) -> None:
    """Make a task's row unreadable."""
    async with store._database.write_transaction() as connection:
        await connection.execute(update(tasks).where(tasks.c.id == task_id).values(billed="nonsense"))


async def _call_with_each_filter(read: Callable[[TaskFilter], Awaitable[object]]) -> None:
    for chosen in TaskFilter:
        await read(chosen)


class StoreCalls:
    """A call of each method of the store, by its name."""

    def __init__(self, store: Store, rows: dict[str, Task]) -> None:
        """`rows`: those of :func:`a_busy_store`."""
        self._store = store
        self._rows = rows
        self._places = iter(range(7000, 8000))
        self._order = an_order(user_id=MEMBER, guild_id=HOME)

    def all(self) -> dict[str, Call]:
        """Return the calls in the order in which they can be made."""
        parts = (self._of_store(), self._of_processes(), self._of_counts(), self._of_members(), self._of_servers())
        return {name: call for part in (*parts, self._of_shares(), self._of_retention()) for name, call in part.items()}

    def _of_store(self) -> dict[str, Call]:
        store, rows = self._store, self._rows
        return {
            "leases.register": store.leases.register,
            "tasks.create": self._create,
            "queue.claim": self._claim,
            "queue.resume": self._resume,
            "queue.mark_prepared": lambda: store.queue.mark_prepared(rows["begun"], OPEN, 0, NOON, head_seconds=0.5),
            "queue.give_slot": lambda: store.queue.give_slot(OPEN, 0, NOON),
            "queue.read_snapshot": lambda: store.queue.read_snapshot(OPERATOR_LIMITS, 5, NOON),
            "queue.list_queued": lambda: store.queue.list_queued([rows["in line"].id]),
            "tasks.get": lambda: store.tasks.get(ENDED),
            "tasks.get_visible": lambda: store.tasks.get_visible(ENDED),
            "tasks.wait_until_recorded": lambda: store.tasks.wait_until_recorded(ENDED),
            "tasks.find_by_message": lambda: store.tasks.find_by_message(1_000_000_005),
            "tasks.list_unfinished": store.tasks.list_unfinished,
            "tasks.list_unfinished_ids": store.tasks.list_unfinished_ids,
            "tasks.list_for_member": lambda: store.tasks.list_for_member(MEMBER, 25),
            "tasks.transition": lambda: store.tasks.transition(rows[TaskState.SUBMITTING], TaskState.RENDERING, NOON),
            "tasks.update": lambda: store.tasks.update(rows[TaskState.RENDERING], progress=50),
            "tasks.find_submitted": lambda: store.tasks.find_submitted(1),
            "tasks.list_recent_durations": store.tasks.list_recent_durations,
            "set_note": lambda: store.set_note("a", "b"),
            "get_note": lambda: store.get_note("a"),
            "delete_note": lambda: store.delete_note("a"),
        }

    async def _create(self) -> None:
        store, order = self._store, self._order
        await store.guilds.grant(HOME, MEMBER, 1)
        await store.tasks.create(order, a_place(next(self._places)), LATE, a_case(order, LATE, LIMITS, OPERATOR_LIMITS))
        tight = LIMITS.model_copy(update={"user_per_day": 1, "server_per_day": 0})
        later = LATE + DAY / 2
        granted = await store.tasks.create(order, a_place(next(self._places)), later, a_case(order, later, tight))
        await store.tasks.transition(granted, TaskState.CANCELLED, LATE, billed=Billed.NO, outcome_shown=True)

        failed = await store.tasks.create(order, a_place(next(self._places)), LATE, a_case(order, LATE))
        await store.tasks.transition(failed, TaskState.FAILED, LATE, billed=Billed.NO, outcome_shown=True)
        with suppress(RequestRefused):  # one failure reaches the limit
            await store.tasks.create(
                order, a_place(next(self._places)), LATE, a_case(order, LATE, operator_limits=OPERATOR_LIMITS)
            )
            raise AssertionError

    async def _claim(self) -> None:
        store, room = self._store, 100
        large = await store.tasks.create(
            self._order, a_place(next(self._places)), NOON, a_case(self._order), needs=room + 1
        )
        assert await store.queue.claim(OPEN, NOON, room, leave_to_others=True)
        while await store.queue.claim(OPEN, NOON, room):  # until only the large task is queued, and has no room
            pass
        assert await store.queue.claim(OPEN, LATE + DAY, room) is None
        found = await store.queue.claim(OPEN, LATE + DAY)
        assert found
        assert found.id == large.id

    async def _resume(self) -> None:
        for name in ("waits", "suspect"):
            assert (await self._store.queue.resume(self._rows[name], OPEN, 0, NOON)).retry_at is None

    def _of_processes(self) -> dict[str, Call]:
        store = self._store
        return {
            "leases.send_heartbeat": store.leases.send_heartbeat,
            "leases.acquire_duty": lambda: store.leases.acquire_duty("line"),
            "leases.claim_orphaned": self._claim_orphaned,
            "shared_turns.reserve": lambda: store.shared_turns.reserve("identify", 5),
            "circuit_state.open": lambda: store.circuit_state.open(lambda _: (60.0, 60.0), None),
            "circuit_state.acquire_probe": lambda: store.circuit_state.acquire_probe(1),
            "circuit_state.read_opening": store.circuit_state.read_opening,
            "circuit_state.close": store.circuit_state.close,
        }

    async def _claim_orphaned(self) -> None:
        leases = self._store.leases
        await leases.unregister()
        await leases.register()
        await damage(self._store, self._rows[TaskState.PREPARING].id)
        assert await leases.claim_orphaned([])
        assert await leases.claim_orphaned([])  # tasks that it holds unknowingly

    def _of_counts(self) -> dict[str, Call]:
        reports = self._store.reports
        return {
            "reports.read_task_counts": reports.read_task_counts,
            "reports.read_quota": lambda: reports.read_quota(
                HOME, MEMBER, a_case(self._order, LATE, LIMITS, OPERATOR_LIMITS).daily_limits, LATE
            ),
            "reports.read_current_usage": lambda: reports.read_current_usage(HOME, NOON),
            "reports.list_usage_rows": lambda: reports.list_usage_rows(HOME, NOON - 30 * DAY),
            "reports.read_member_totals": lambda: reports.read_member_totals(MEMBER),
        }

    def _of_members(self) -> dict[str, Call]:
        repository = self._store.tasks
        return {
            "tasks.get_page": lambda: _call_with_each_filter(partial(repository.get_page, MEMBER, 0, 5)),
            "tasks.count": lambda: _call_with_each_filter(partial(repository.count, MEMBER)),
            "tasks.search": lambda: repository.search(MEMBER, "no such words", 25),
            "tasks.list_children": lambda: repository.list_children(range(19_000, 19_010)),
            "tasks.list_with_keepable_video": lambda: repository.list_with_keepable_video(range(5, FINISHED, 200)),
            "tasks.set_notify_preference": lambda: repository.set_notify_preference(MEMBER, NotifyPreference.NEVER),
            "tasks.get_notify_preference": lambda: repository.get_notify_preference(MEMBER),
        }

    def _of_servers(self) -> dict[str, Call]:
        guilds = self._store.guilds
        return {
            "guilds.get_limits": lambda: guilds.get_limits(HOME),
            "guilds.change": lambda: guilds.change(HOME, lambda _: LIMITS),
            "guilds.block": lambda: guilds.block(HOME, MEMBER, 1, NOON),
            "guilds.unblock": lambda: guilds.unblock(HOME, MEMBER),
            "guilds.reset": self._reset,
            "guilds.grant": lambda: guilds.grant(HOME, MEMBER, 1),
            "guilds.list_moderated_members": lambda: guilds.list_moderated_members(HOME),
            "guilds.mark_left": lambda: guilds.mark_left(33, NOON - 99 * DAY),
            "guilds.mark_joined": lambda: guilds.mark_joined(44),
            "guilds.sync": self._sync,
        }

    async def _reset(self) -> None:
        await self._store.guilds.reset(HOME, None)
        await self._store.guilds.reset(HOME, MEMBER)

    async def _sync(self) -> None:
        await self._store.guilds.sync([33], NOON)
        await self._store.guilds.sync([HOME, 33], NOON)
        await self._store.guilds.mark_left(33, NOON - 99 * DAY)

    def _of_shares(self) -> dict[str, Call]:
        shares = self._store.shares
        return {
            "shares.reserve": self._reserve_share,
            "shares.update": self._update_share,
            "shares.update_all": lambda: shares.update_all([5, 6], stars=2),
            "shares.get": lambda: shares.get(5),
            "shares.list_for_task": lambda: shares.list_for_task(ENDED),
            "shares.find_by_message": lambda: shares.find_by_message(HOME, 2_000_000_011),
            "shares.list_of_deleted_tasks": lambda: shares.list_of_deleted_tasks(20),
            "shares.list_unconfirmed": lambda: shares.list_unconfirmed(20),
            "shares.list_posted": lambda: shares.list_posted(HOME, NOON - 30 * DAY, 50),
            "shares.set_showcase": self._set_showcase,
            "shares.get_showcase": lambda: shares.get_showcase(HOME),
            "shares.remove": lambda: shares.remove(7),
        }

    async def _reserve_share(self) -> None:
        task = await self._store.tasks.get(ENDED)
        assert task
        assert await self._store.shares.reserve(task, HOME, 44, NOON, hidden=False)
        await self._store.tasks.update(task, deleted=True)

    async def _update_share(self) -> None:
        share = await self._store.shares.get(9)
        assert share
        await self._store.shares.update(share, stars=1)

    async def _set_showcase(self) -> None:
        await self._store.shares.set_showcase(HOME, 5)
        await self._store.shares.set_showcase(HOME, None)

    def _of_retention(self) -> dict[str, Call]:
        retention = self._store.retention
        return {
            "retention.delete_member": self._delete_member,
            "retention.delete_due": lambda: retention.delete_due(NOON, 30 * DAY),
            "retention.delete_tokens": lambda: retention.delete_tokens(NOON + DAY),
            "retention.expire": self._expire,
            "leases.unregister": self._store.leases.unregister,
        }

    async def _delete_member(self) -> None:
        await damage(self._store, FINISHED + 1 - 8)  # one of their tasks, of the last day
        await self._store.retention.delete_member(MEMBER + 1, NOON)

    async def _expire(self) -> None:
        assert await self._store.retention.expire(NOON, DAY * 59.5)
        assert await self._store.retention.expire(NOON - DAY * 58, DAY)
