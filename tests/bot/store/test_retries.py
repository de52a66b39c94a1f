"""Retries in the store: slots are freed and taken again, and crashes are distinguished from clean exits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.limits import OperatorLimits
from bot.domain.task import Billed, Task, TaskState
from bot.store import StaleRow, Store
from tests.bot.store.test_store import create
from tests.support.builders import NOON, a_place, an_order
from tests.support.databases import Database
from tests.support.starting import start

MINUTE = timedelta(minutes=1)
ONE = OperatorLimits(max_running=1, max_preparing=1)


async def create_tasks(store: Store, number: int) -> None:
    for message in range(number):
        await create(store, an_order(), a_place(100 + message))


async def claim(store: Store, operator_limits: OperatorLimits = ONE) -> Task:
    task = await store.queue.claim(operator_limits, NOON)
    assert task
    return task


async def test_a_freed_slot_is_taken_again_when_it_is_free(store: Store) -> None:
    """While a task waits for its retry, another takes its slot; when the retry is due, it precedes queued tasks."""
    await create_tasks(store, 3)
    first = await store.tasks.update(await claim(store), retry_at=NOON + MINUTE)
    second = await claim(store)
    later = NOON + 2 * MINUTE
    assert (await store.queue.resume(first, ONE, 0, later)).retry_at == first.retry_at
    await store.tasks.transition(second, TaskState.FAILED, NOON, billed=Billed.NO)
    assert await store.queue.claim(ONE, later) is None
    going = await store.queue.resume(first, ONE, 0, later)
    assert (going.retry_at, going.at_risk) == (None, True)
    assert await store.queue.claim(ONE, later) is None


async def test_a_servers_preparation_slots_bound_retries(store: Store) -> None:
    """With one preparation slot per server, a due retry waits for it, although the bot has free slots."""
    await create_tasks(store, 2)
    operator_limits = OperatorLimits(max_preparing=4)
    waiting = await store.tasks.update(await claim(store, operator_limits), retry_at=NOON + MINUTE)
    other = await claim(store, operator_limits)
    assert (await store.queue.resume(waiting, operator_limits, 0, NOON + MINUTE)).retry_at is not None
    await store.tasks.transition(other, TaskState.CANCELLED, NOON)
    assert (await store.queue.resume(waiting, operator_limits, 0, NOON + MINUTE)).retry_at is None


async def test_a_freed_running_slot_is_taken_again(store: Store) -> None:
    """A task that was not submitted yet waits until its server's only running slot is free."""
    await create_tasks(store, 2)
    first = await start(store, OperatorLimits(), 1, NOON)
    assert first
    waiting = await store.tasks.update(first, retry_at=NOON + MINUTE)
    other = await start(store, OperatorLimits(), 1, NOON)
    assert other
    assert (await store.queue.resume(waiting, OperatorLimits(), 1, NOON + MINUTE)).retry_at is not None
    await store.tasks.transition(other, TaskState.CANCELLED, NOON)
    assert (await store.queue.resume(waiting, OperatorLimits(), 1, NOON + MINUTE)).retry_at is None


async def test_a_prepared_task_needs_no_slot_to_keep_waiting(store: Store) -> None:
    """A prepared task holds no slot, so its retry takes none."""
    await create_tasks(store, 2)
    prepared = await store.tasks.update(await claim(store), prepared_at=NOON, retry_at=NOON + MINUTE)
    await claim(store)
    assert (await store.queue.resume(prepared, ONE, 0, NOON + MINUTE)).retry_at is None


async def test_a_paid_task_needs_no_slot(store: Store) -> None:
    """A paid task resumes while all slots are taken; resuming an outdated row raises StaleRow."""
    await create_tasks(store, 2)
    paid = await store.tasks.transition(await claim(store), TaskState.RENDERING, NOON)
    paid = await store.tasks.update(paid, retry_at=NOON + MINUTE)
    await claim(store)
    assert (await store.queue.resume(paid, ONE, 0, NOON + MINUTE)).retry_at is None
    await store.tasks.transition(paid, TaskState.CANCELLED, NOON)
    with pytest.raises(StaleRow):
        await store.queue.resume(paid, ONE, 0, NOON + MINUTE)


async def test_a_new_state_ends_the_wait(store: Store) -> None:
    """Entering a new state ends the wait; entering submission also resets the number of tries."""
    await create_tasks(store, 1)
    tried = await store.tasks.update(await claim(store), tries=2, retry_at=NOON + MINUTE, at_risk=False)
    sending = await store.tasks.transition(tried, TaskState.SUBMITTING, NOON)
    assert (sending.tries, sending.retry_at, sending.at_risk) == (0, None, False)
    rendering = await store.tasks.update(await store.tasks.transition(sending, TaskState.RENDERING, NOON), tries=5)
    assert (await store.tasks.transition(rendering, TaskState.READY, NOON)).tries == 5


async def test_only_a_crash_counts(store: Store, database: Database) -> None:
    """A clean exit counts no crash, a dead process does; after two crashes its tasks resume one at a time."""
    await store.leases.register()
    await create_tasks(store, 2)
    operator_limits = OperatorLimits(max_preparing=8)
    for _ in range(2):
        await claim(store, operator_limits)
    await store.leases.unregister()
    await store.leases.register()
    assert [task.crashes for task in await store.leases.claim_orphaned([])] == [0, 0]
    for crashes in (1, 2):
        await asyncio.to_thread(database.sql, "DELETE FROM processes")  # as if it was pruned
        await store.leases.register()  # the next process
        taken = await store.leases.claim_orphaned([])
        assert [task.crashes for task in taken] == [crashes, crashes]
    first, second = taken
    assert not first.at_risk
    assert not second.at_risk
    first = await store.queue.resume(first, operator_limits, 0, NOON)
    assert first.retry_at is None
    second = await store.queue.resume(second, operator_limits, 0, NOON)
    assert second.retry_at
    assert second.retry_at > NOON
    await store.tasks.transition(first, TaskState.SUBMITTING, NOON)
    assert (await store.queue.resume(second, operator_limits, 0, NOON)).retry_at is None
