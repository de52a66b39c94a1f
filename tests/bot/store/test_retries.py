"""The store's side of waiting for another try: slots given away and taken again, and crashes told from clean ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.limits import OperatorLimits
from bot.domain.task import Billed, Task, TaskState
from bot.store import StaleRow, Store
from tests.bot.store.test_store import added
from tests.support.builders import NOON, a_place, an_order
from tests.support.databases import Database
from tests.support.starting import start

MINUTE = timedelta(minutes=1)
ONE = OperatorLimits(max_running=1, max_preparing=1)


async def in_line(store: Store, number: int) -> None:
    for message in range(number):
        await added(store, an_order(), a_place(100 + message))


async def claimed(store: Store, operator_limits: OperatorLimits = ONE) -> Task:
    task = await store.queue.claim(operator_limits, NOON)
    assert task
    return task


async def test_a_slot_that_was_given_away_is_taken_again_when_it_is_free(store: Store) -> None:
    """While a task waits another one takes its slot; when its wait is over it goes before those in line."""
    await in_line(store, 3)
    first = await store.tasks.update(await claimed(store), retry_at=NOON + MINUTE)
    second = await claimed(store)
    later = NOON + 2 * MINUTE
    assert (await store.queue.resume(first, ONE, 0, later)).retry_at == first.retry_at
    await store.tasks.transition(second, TaskState.FAILED, NOON, billed=Billed.NO)
    assert await store.queue.claim(ONE, later) is None
    going = await store.queue.resume(first, ONE, 0, later)
    assert (going.retry_at, going.at_risk) == (None, True)
    assert await store.queue.claim(ONE, later) is None


async def test_a_server_s_own_slots_hold_for_those_that_go_on(store: Store) -> None:
    """With one slot a server for preparing, a task there waits for it, though the bot has others."""
    await in_line(store, 2)
    operator_limits = OperatorLimits(max_preparing=4)
    waiting = await store.tasks.update(await claimed(store, operator_limits), retry_at=NOON + MINUTE)
    other = await claimed(store, operator_limits)
    assert (await store.queue.resume(waiting, operator_limits, 0, NOON + MINUTE)).retry_at is not None
    await store.tasks.transition(other, TaskState.CANCELLED, NOON)
    assert (await store.queue.resume(waiting, operator_limits, 0, NOON + MINUTE)).retry_at is None


async def test_a_running_slot_that_was_given_away_is_taken_again(store: Store) -> None:
    """A task that has not been sent yet waits until its server, with one running slot, has it free again."""
    await in_line(store, 2)
    first = await start(store, OperatorLimits(), 1, NOON)
    assert first
    waiting = await store.tasks.update(first, retry_at=NOON + MINUTE)
    other = await start(store, OperatorLimits(), 1, NOON)
    assert other
    assert (await store.queue.resume(waiting, OperatorLimits(), 1, NOON + MINUTE)).retry_at is not None
    await store.tasks.transition(other, TaskState.CANCELLED, NOON)
    assert (await store.queue.resume(waiting, OperatorLimits(), 1, NOON + MINUTE)).retry_at is None


async def test_what_waits_for_a_running_slot_needs_none_to_go_on_waiting(store: Store) -> None:
    """A prepared task holds no slot, so that it takes none back after an error."""
    await in_line(store, 2)
    prepared = await store.tasks.update(await claimed(store), prepared_at=NOON, retry_at=NOON + MINUTE)
    await claimed(store)
    assert (await store.queue.resume(prepared, ONE, 0, NOON + MINUTE)).retry_at is None


async def test_what_is_paid_for_needs_no_slot(store: Store) -> None:
    """A paid task goes on while all slots are taken; a row that has changed meanwhile is left alone."""
    await in_line(store, 2)
    paid = await store.tasks.transition(await claimed(store), TaskState.RENDERING, NOON)
    paid = await store.tasks.update(paid, retry_at=NOON + MINUTE)
    await claimed(store)
    assert (await store.queue.resume(paid, ONE, 0, NOON + MINUTE)).retry_at is None
    await store.tasks.transition(paid, TaskState.CANCELLED, NOON)
    with pytest.raises(StaleRow):
        await store.queue.resume(paid, ONE, 0, NOON + MINUTE)


async def test_a_new_state_ends_the_wait(store: Store) -> None:
    """What was known of tries before payment is forgotten with it; a wait does not outlive its state."""
    await in_line(store, 1)
    tried = await store.tasks.update(await claimed(store), tries=2, retry_at=NOON + MINUTE, at_risk=False)
    sending = await store.tasks.transition(tried, TaskState.SUBMITTING, NOON)
    assert (sending.tries, sending.retry_at, sending.at_risk) == (0, None, False)
    rendering = await store.tasks.update(await store.tasks.transition(sending, TaskState.RENDERING, NOON), tries=5)
    assert (await store.tasks.transition(rendering, TaskState.READY, NOON)).tries == 5


async def test_only_a_process_that_died_counts(store: Store, database: Database) -> None:
    """A process that leaves takes no try away; one that died does; after two of those its tasks go on one by one."""
    await store.leases.register()
    await in_line(store, 2)
    operator_limits = OperatorLimits(max_preparing=8)
    for _ in range(2):
        await claimed(store, operator_limits)
    await store.leases.unregister()
    await store.leases.register()
    assert [task.crashes for task in await store.leases.claim_orphaned([])] == [0, 0]
    for crashes in (1, 2):
        await asyncio.to_thread(database.sql, "DELETE FROM processes")  # it is found dead
        await store.leases.register()  # the next one
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
