"""Several processes on one PostgreSQL, here as several stores: what one holds, no other writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy.exc import DBAPIError

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task, TaskState
from bot.store import Leases, StaleRow, Store
from bot.worker.throttle import CircuitBreaker, RateLimiter
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.databases import Database

OPERATOR_LIMITS = OperatorLimits(max_preparing=1000)
LEASE = 60.0
"""Long: who is to be silent is made so."""
on_postgresql = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


@pytest.fixture
async def stores(database: Database) -> AsyncIterator[list[Store]]:
    """Three processes' stores, all alive."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(Store.open(database.url, LEASE)) for _ in range(3)]
        for store in opened:
            await store.leases.register()
        yield opened


async def queued(store: Store, count: int = 1) -> list[Task]:
    places = [a_place(1 + number) for number in range(count)]
    orders = [an_order(user_id=1 + number) for number in range(count)]
    return [await store.tasks.create(order, at, NOON, a_case(order)) for order, at in zip(orders, places, strict=True)]


async def taken(store: Store) -> Task:
    """The next in line, which this process now works on."""
    task = await store.queue.claim(OPERATOR_LIMITS, NOON)
    assert task
    return task


def silenced(database: Database, store: Store) -> None:
    """Let its last sign of life be long ago."""
    database.sql(f"UPDATE processes SET alive_until = 0 WHERE id = '{store.leases.process_id}'")  # noqa: S608


@on_postgresql
async def test_what_a_silent_process_held_is_taken_over_once(database: Database, stores: list[Store]) -> None:
    """Nobody takes what a living process holds; of a silent one everything goes to one other, under a new lease."""
    first, second, third = stores
    await queued(first, 3)
    held = [await taken(first) for _ in range(3)]
    assert await second.leases.claim_orphaned([]) == []
    silenced(database, first)
    over = await second.leases.claim_orphaned([])
    assert [(task.id, task.fencing_token) for task in over] == [(task.id, task.fencing_token + 1) for task in held]
    assert await third.leases.claim_orphaned([]) == []


@on_postgresql
async def test_who_comes_back_writes_nothing(database: Database, stores: list[Store]) -> None:
    """Neither the step to `sending` nor the record of a delivery succeeds under a lease that is over."""
    first, second, _ = stores
    await queued(first, 2)
    submits, delivers = await taken(first), await taken(first)
    delivers = await first.tasks.transition(delivers, TaskState.READY, NOON)
    silenced(database, first)
    assert len(await second.leases.claim_orphaned([])) == 2
    with pytest.raises(StaleRow):
        await first.tasks.transition(submits, TaskState.SUBMITTING, NOON)
    with pytest.raises(StaleRow):
        await first.tasks.transition(delivers, TaskState.DELIVERED, NOON, outcome_shown=True)
    assert not await first.leases.heartbeat()
    assert not first.leases.is_valid
    await first.leases.register()
    assert first.leases.is_valid
    with pytest.raises(StaleRow):
        await first.tasks.update(submits, progress=50)
    for task in (submits, delivers):
        now = await second.tasks.get(task.id)
        assert now
        assert (now.state, now.fencing_token, now.outcome_shown) == (task.state, task.fencing_token + 1, False)


@on_postgresql
async def test_a_process_that_ends_leaves_its_tasks_at_once(stores: list[Store]) -> None:
    """And one that has lost the answer to its claim finds the task among its own."""
    first, second, _ = stores
    await queued(first, 2)
    known, unknown = await taken(first), await taken(first)
    assert [task.id for task in await first.leases.claim_orphaned([known.id])] == [unknown.id]
    await first.leases.unregister()
    assert len(await second.leases.claim_orphaned([])) == 2


@on_postgresql
async def test_a_slow_sign_of_life_is_in_time_until_somebody_minds(database: Database, stores: list[Store]) -> None:
    """Being late loses nothing by itself: whoever is found silent is dead, and whoever speaks first is not."""
    first, second, _ = stores
    await queued(first)
    task = await taken(first)
    silenced(database, first)
    assert await first.leases.heartbeat()
    assert await second.leases.claim_orphaned([]) == []
    assert (await first.tasks.transition(task, TaskState.SUBMITTING, NOON)).fencing_token == task.fencing_token


@on_postgresql
async def test_the_database_was_away(database: Database, stores: list[Store]) -> None:
    """Who could not reach it does not take the others for dead just because they could not either."""
    first, second, third = stores
    await queued(first)
    await taken(first)
    database.sql("ALTER TABLE processes RENAME TO away")
    with pytest.raises(DBAPIError):
        await second.leases.heartbeat()
    database.sql("ALTER TABLE away RENAME TO processes")
    silenced(database, first)
    assert await second.leases.claim_orphaned([]) == []
    assert len(await third.leases.claim_orphaned([])) == 1


async def test_how_long_a_process_is_sure(database: Database) -> None:
    """By its own steady clock, three quarters of a lease from before it spoke; alone on a file, for ever."""
    time = 1000.0
    async with Store.open(database.url) as store:
        leases = Leases(store._database, 20, lambda: time)
        alone = store.is_single_process
        assert leases.is_valid is alone
        await leases.register()
        time += 14.9
        assert leases.is_valid
        time += 0.2
        assert leases.is_valid is alone
        assert await leases.heartbeat()
        assert leases.is_valid
        await leases.unregister()


@on_postgresql
async def test_each_is_taken_once(stores: list[Store]) -> None:
    """Three processes at once, and thirty hands: the turns and the take-overs are each of one task to one process."""
    await queued(stores[0], 30)
    claims = await asyncio.gather(*(stores[n % 3].queue.claim(OPERATOR_LIMITS, NOON) for n in range(40)))
    assert sorted(task.id for task in claims if task) == list(range(1, 31))
    for store in stores:
        await store.leases.unregister()
        await store.leases.register()
    takes = await asyncio.gather(*(store.leases.claim_orphaned(range(1, 31)) for store in stores * 3))
    assert sorted((task.id, task.fencing_token) for took in takes for task in took) == [(n, 2) for n in range(1, 31)]


@on_postgresql
async def test_a_duty_is_one_processs(stores: list[Store]) -> None:
    """While it lives; then it is somebody else's."""
    first, second, _ = stores
    assert await first.leases.acquire_duty("line")
    assert not await second.leases.acquire_duty("line")
    assert await first.leases.acquire_duty("line")
    await first.leases.unregister()
    assert await second.leases.acquire_duty("line")


@on_postgresql
async def test_wake_ups_cross_processes(stores: list[Store]) -> None:
    """What one tells all others hear, and it does not hear itself."""
    heard: asyncio.Queue[tuple[int, int | None]] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        tells = []
        for number, store in enumerate(stores):
            on_notify = lambda task_id, number=number: heard.put_nowait((number, task_id))  # noqa: E731
            tells.append(await stack.enter_async_context(store.notifications(on_notify)))
        async with asyncio.timeout(10):
            assert {await heard.get() for _ in stores} == {(number, None) for number in range(3)}
            tells[0](7)
            assert {await heard.get(), await heard.get()} == {(1, 7), (2, 7)}
            tells[1](None)
            assert {await heard.get(), await heard.get()} == {(0, None), (2, None)}


@on_postgresql
async def test_one_pause_for_all(database: Database, stores: list[Store]) -> None:
    """A fault that one meets holds up the others; after it one looks at a time, and its good news is everybody's."""
    import random

    told: list[int] = []
    one, other = [
        CircuitBreaker(store.circuit_state, lambda: told.append(1), random.Random(1), first=30)  # noqa: S311
        for store in stores[:2]
    ]
    await one.record_failure(OSError("ill"), 30)
    await other.refresh()
    await other.record_failure(OSError("under way when it began"), None)
    assert len(told) == 1
    database.sql("UPDATE pauses SET until = 0")
    async with asyncio.timeout(10):
        await other.wait()
        second = asyncio.create_task(one.wait())
        await asyncio.sleep(0.1)
        assert not second.done()
        await other.record_success()
        await one.refresh()
        await second
        await one.wait()
    assert len(told) == 2


@on_postgresql
async def test_the_pace_of_queries_is_divided(database: Database, stores: list[Store]) -> None:
    """Each of those who share the work asks FoxAPI so much more seldom; when one is gone, the others ask for it."""
    first, second, third = stores
    paces = [RateLimiter(30, lambda store=store: store.leases.process_count) for store in stores]  # type: ignore[misc]
    for store in stores:
        assert await store.leases.heartbeat()
    assert [store.leases.process_count for store in stores] == [3, 3, 3]
    assert [max(pace.reserve() for _ in range(11)) for pace in paces] == pytest.approx([1.0] * 3, abs=0.05)
    await third.leases.unregister()
    assert await first.leases.heartbeat()
    assert (first.leases.process_count, second.leases.process_count) == (2, 3)
    silenced(database, second)
    await first.leases.claim_orphaned([])
    assert await first.leases.heartbeat()
    assert first.leases.process_count == 1


@on_postgresql
async def test_turns_are_taken_by_all_processes(stores: list[Store]) -> None:
    """However many take one at once, each comes so long after the one before; another name's turns are others."""
    waits = await asyncio.gather(*(store.shared_turns.reserve("identify 0", 5.0) for store in stores * 3))
    assert sorted(waits) == pytest.approx([5.0 * number for number in range(9)], abs=1.0)
    assert await stores[0].shared_turns.reserve("identify 1", 5.0) == pytest.approx(0, abs=0.001)
