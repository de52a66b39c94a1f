"""Several processes on one PostgreSQL, here several stores: only the holder of a lease writes its task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy.exc import DBAPIError

from bot.domain.limits import OperatorLimits
from bot.domain.task import Task, TaskState
from bot.store import Leases, StaleRow, Store
from bot.worker.circuit_breaker import CircuitBreaker
from bot.worker.throttle import RateLimiter
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.databases import Database

OPERATOR_LIMITS = OperatorLimits(max_preparing=1000)
LEASE = 60.0
"""Long, because the tests expire a process explicitly."""
on_postgresql = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


@pytest.fixture
async def stores(database: Database) -> AsyncIterator[list[Store]]:
    """Three processes' stores, all registered."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(Store.open(database.url, LEASE)) for _ in range(3)]
        for store in opened:
            await store.leases.register()
        yield opened


async def create_tasks(store: Store, count: int = 1) -> list[Task]:
    places = [a_place(1 + number) for number in range(count)]
    orders = [an_order(user_id=1 + number) for number in range(count)]
    return [await store.tasks.create(order, at, NOON, a_case(order)) for order, at in zip(orders, places, strict=True)]


async def claim(store: Store) -> Task:
    """Claim the next task for this process."""
    task = await store.queue.claim(OPERATOR_LIMITS, NOON)
    assert task
    return task


def expire(database: Database, store: Store) -> None:
    """Let the process's last heartbeat be long ago."""
    database.sql(f"UPDATE processes SET alive_until = 0 WHERE id = '{store.leases.process_id}'")  # noqa: S608


@on_postgresql
async def test_a_stalled_process_is_taken_over_once(database: Database, stores: list[Store]) -> None:
    """A living process keeps its tasks; a stalled process's tasks go to one other, each with the next fencing token."""
    first, second, third = stores
    await create_tasks(first, 3)
    held = [await claim(first) for _ in range(3)]
    assert await second.leases.claim_orphaned([]) == []
    expire(database, first)
    over = await second.leases.claim_orphaned([])
    assert [(task.id, task.fencing_token) for task in over] == [(task.id, task.fencing_token + 1) for task in held]
    assert await third.leases.claim_orphaned([]) == []


@on_postgresql
async def test_an_expired_lease_writes_nothing(database: Database, stores: list[Store]) -> None:
    """A process that comes back after its lease expired can write neither a submission nor a delivery."""
    first, second, _ = stores
    await create_tasks(first, 2)
    submits, delivers = await claim(first), await claim(first)
    delivers = await first.tasks.transition(delivers, TaskState.READY, NOON)
    expire(database, first)
    assert len(await second.leases.claim_orphaned([])) == 2
    with pytest.raises(StaleRow):
        await first.tasks.transition(submits, TaskState.SUBMITTING, NOON)
    with pytest.raises(StaleRow):
        await first.tasks.transition(delivers, TaskState.DELIVERED, NOON, outcome_shown=True)
    assert not await first.leases.send_heartbeat()
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
async def test_unregistering_frees_tasks_at_once(stores: list[Store]) -> None:
    """Others claim the tasks of an unregistered process; a process claims a task that it holds unknowingly."""
    first, second, _ = stores
    await create_tasks(first, 2)
    known, unknown = await claim(first), await claim(first)
    assert [task.id for task in await first.leases.claim_orphaned([known.id])] == [unknown.id]
    await first.leases.unregister()
    assert len(await second.leases.claim_orphaned([])) == 2


@on_postgresql
async def test_a_late_heartbeat_is_in_time_until_the_process_is_pruned(database: Database, stores: list[Store]) -> None:
    """A late heartbeat alone loses nothing: the leases are lost only when another process prunes this one."""
    first, second, _ = stores
    await create_tasks(first)
    task = await claim(first)
    expire(database, first)
    assert await first.leases.send_heartbeat()
    assert await second.leases.claim_orphaned([]) == []
    assert (await first.tasks.transition(task, TaskState.SUBMITTING, NOON)).fencing_token == task.fencing_token


@on_postgresql
async def test_an_outage_of_the_database_prunes_nobody(database: Database, stores: list[Store]) -> None:
    """A process that could not reach the database prunes no others, because they may not have reached it either."""
    first, second, third = stores
    await create_tasks(first)
    await claim(first)
    database.sql("ALTER TABLE processes RENAME TO away")
    with pytest.raises(DBAPIError):
        await second.leases.send_heartbeat()
    database.sql("ALTER TABLE away RENAME TO processes")
    expire(database, first)
    assert await second.leases.claim_orphaned([]) == []
    assert len(await third.leases.claim_orphaned([])) == 1


async def test_how_long_a_lease_is_trusted(database: Database) -> None:
    """A process trusts its lease for three quarters of it by its own clock; a single process trusts it for ever."""
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
        assert await leases.send_heartbeat()
        assert leases.is_valid
        await leases.unregister()


@on_postgresql
async def test_each_task_is_claimed_once(stores: list[Store]) -> None:
    """Forty simultaneous claims by three processes, and nine take-overs, each give a task to one process."""
    await create_tasks(stores[0], 30)
    claims = await asyncio.gather(*(stores[n % 3].queue.claim(OPERATOR_LIMITS, NOON) for n in range(40)))
    assert sorted(task.id for task in claims if task) == list(range(1, 31))
    for store in stores:
        await store.leases.unregister()
        await store.leases.register()
    takes = await asyncio.gather(*(store.leases.claim_orphaned(range(1, 31)) for store in stores * 3))
    assert sorted((task.id, task.fencing_token) for took in takes for task in took) == [(n, 2) for n in range(1, 31)]


@on_postgresql
async def test_a_duty_belongs_to_one_process(stores: list[Store]) -> None:
    """A duty stays with its process until that unregisters; then another one acquires it."""
    first, second, _ = stores
    assert await first.leases.acquire_duty("line")
    assert not await second.leases.acquire_duty("line")
    assert await first.leases.acquire_duty("line")
    await first.leases.unregister()
    assert await second.leases.acquire_duty("line")


@on_postgresql
async def test_notifications_reach_the_other_processes(stores: list[Store]) -> None:
    """A notification reaches all other processes, and not its sender."""
    received: asyncio.Queue[tuple[int, int | None]] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        senders = []
        for number, store in enumerate(stores):
            on_notify = lambda task_id, number=number: received.put_nowait((number, task_id))  # noqa: E731
            senders.append(await stack.enter_async_context(store.open_notifications(on_notify)))
        async with asyncio.timeout(10):
            assert {await received.get() for _ in stores} == {(number, None) for number in range(3)}
            senders[0](7)
            assert {await received.get(), await received.get()} == {(1, 7), (2, 7)}
            senders[1](None)
            assert {await received.get(), await received.get()} == {(0, None), (2, None)}


@on_postgresql
async def test_one_circuit_breaker_for_all(database: Database, stores: list[Store]) -> None:
    """A failure in one process opens the circuit for all; then one at a time probes, and its success closes it."""
    import random

    notified: list[int] = []
    one, other = [
        CircuitBreaker(store.circuit_state, lambda: notified.append(1), random.Random(1), first=30)  # noqa: S311
        for store in stores[:2]
    ]
    await one.record_failure(OSError("failing"), 30, one.opening)
    await other.record_failure(OSError("started before the circuit opened"), None, None)
    assert len(notified) == 1
    assert one.opening == other.opening is not None
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
    assert len(notified) == 2


@on_postgresql
async def test_the_polling_rate_is_divided(database: Database, stores: list[Store]) -> None:
    """Three processes share FoxAPI's polling rate; when one is gone, the others take over its part."""
    first, second, third = stores
    limiters = [RateLimiter(30, lambda store=store: store.leases.query_share) for store in stores]  # type: ignore[misc]
    for store in stores:
        assert await store.leases.send_heartbeat()
    assert [store.leases.process_count for store in stores] == [3, 3, 3]
    assert [max(limiter.reserve() for _ in range(11)) for limiter in limiters] == pytest.approx([1.0] * 3, abs=0.05)
    await third.leases.unregister()
    assert await first.leases.send_heartbeat()
    assert (first.leases.process_count, second.leases.process_count) == (2, 3)
    expire(database, second)
    await first.leases.claim_orphaned([])
    assert await first.leases.send_heartbeat()
    assert first.leases.process_count == 1


@on_postgresql
async def test_queries_are_divided_by_the_tasks_held(stores: list[Store]) -> None:
    """A process with most of the tasks has most of the queries, one without tasks keeps some, and the parts add up."""
    await create_tasks(stores[0], 7)
    for store, count in zip(stores, (6, 1, 0), strict=True):
        for _ in range(count):
            await store.tasks.transition(await claim(store), TaskState.RENDERING, NOON)
    for store in stores:
        assert await store.leases.send_heartbeat()
    assert [store.leases.query_share for store in stores] == pytest.approx([0.7, 0.2, 0.1])


@on_postgresql
async def test_preparation_is_divided(stores: list[Store]) -> None:
    """Whichever process looks at the queue first and most often, all of them prepare about equally many tasks."""
    await create_tasks(stores[0], 30)
    for store in stores:
        assert await store.leases.send_heartbeat()
    counts = [0, 0, 0]
    while sum(counts) < 30:
        before = sum(counts)
        for number, store in enumerate(stores):
            while await store.queue.claim(OPERATOR_LIMITS, NOON, leave_to_others=True):
                counts[number] += 1
        assert sum(counts) > before
    assert max(counts) - min(counts) <= 3
    await create_more(stores[0])
    assert await stores[0].queue.claim(OPERATOR_LIMITS, NOON)


async def create_more(store: Store) -> None:
    """Create one more task, of another member."""
    order = an_order(user_id=1000)
    await store.tasks.create(order, a_place(1000), NOON, a_case(order))


@on_postgresql
async def test_turns_are_shared_by_all_processes(stores: list[Store]) -> None:
    """Simultaneous turns are an interval apart over all processes; another name has turns of its own."""
    waits = await asyncio.gather(*(store.shared_turns.reserve("identify 0", 5.0) for store in stores * 3))
    assert sorted(waits) == pytest.approx([5.0 * number for number in range(9)], abs=1.0)
    assert await stores[0].shared_turns.reserve("identify 1", 5.0) == pytest.approx(0, abs=0.001)
