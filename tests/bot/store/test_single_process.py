"""A single process on a SQLite file writes nothing that only other processes would read."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta

import pytest

from bot.domain.limits import OperatorLimits
from bot.domain.task import TaskState
from bot.store import Store
from bot.worker.circuit_breaker import CircuitBreaker
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.databases import Database, SQLiteFile

IDLE: dict[str, Callable[[Store], Awaitable[object]]] = {
    "heartbeat": lambda store: store.leases.send_heartbeat(),
    "duty": lambda store: store.leases.acquire_duty("line"),
    "claim of orphans": lambda store: store.leases.claim_orphaned([1]),
    "claim": lambda store: store.queue.claim(OperatorLimits(), NOON),
    "running slot": lambda store: store.queue.give_slot(OperatorLimits(), 0, NOON),
    "rate limiter": lambda store: store.shared_turns.reserve("identify 0", 5),
    "circuit opens": lambda store: store.circuit_state.open(lambda _: (1.0, 0.0), None),
    "probe": lambda store: store.circuit_state.acquire_probe(1),
    "is the circuit open": lambda store: store.circuit_state.read_opening(),
    "circuit closes": lambda store: store.circuit_state.close(),
}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_an_idle_bot_writes_nothing(database: Database) -> None:
    """All calls of an idle bot succeed while another connection holds the write lock, and the log is unchanged."""
    assert isinstance(database, SQLiteFile)
    log = database.file.with_name("bot.db-wal")
    async with Store.open(database.url) as store:
        await store.leases.register()
        await store.tasks.create(an_order(), a_place(), NOON, a_case(an_order()))
        task = await store.queue.claim(OperatorLimits(), NOON)
        assert task
        with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
            before = log.read_bytes()
            other.execute("BEGIN IMMEDIATE")
            for _ in range(3):
                for work in IDLE.values():
                    await work(store)
            other.execute("ROLLBACK")
            assert log.read_bytes() == before
        assert (
            await store.tasks.transition(task, TaskState.SUBMITTING, NOON + timedelta(seconds=1))
        ).state is TaskState.SUBMITTING


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_circuit_breaker_and_rate_limiters_are_in_memory(store: Store) -> None:
    """In memory too, a failure opens the circuit once, one job probes, success closes it, and turns are apart."""
    pause = CircuitBreaker(store.circuit_state, lambda: None, random.Random(1), first=30)  # noqa: S311
    await pause.record_failure(RuntimeError("busy"), None, pause.opening)
    assert await store.circuit_state.open(lambda _: (9.0, 9.0), pause.opening) is None
    assert await store.circuit_state.read_opening() == pause.opening
    rest = await store.circuit_state.acquire_probe(5)
    assert rest is not None
    assert 20 < rest < 40
    await pause.record_success()
    assert await store.circuit_state.acquire_probe(5) is None
    assert await store.circuit_state.read_opening() is None
    first = await store.circuit_state.open(lambda latest: (1.0, 0.0) if latest is None else (99.0, 99.0), None)
    assert first is not None
    assert first.seconds == 0
    assert [await store.circuit_state.acquire_probe(5), (await store.circuit_state.acquire_probe(5) or 0) > 4] == [
        0,
        True,
    ]
    turns = [await store.shared_turns.reserve("identify 0", 5.0) for _ in range(3)]
    assert turns == pytest.approx([0, 5, 10], abs=0.5)
    assert await store.shared_turns.reserve("identify 1", 5.0) == 0
