"""One process on a SQLite file: what several would have to tell each other is written down for nobody, so it is not."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta

import pytest

from bot.rules import Roofs
from bot.runner.pause import Pause
from bot.store import Store
from bot.task import State
from tests.databases import Database, SQLiteFile
from tests.makers import NOON, a_case, a_place, an_order

IDLE: dict[str, Callable[[Store], Awaitable[object]]] = {
    "a sign of life": lambda store: store.leases.beat(),
    "a duty": lambda store: store.leases.has_duty("line"),
    "taking up": lambda store: store.leases.take([1]),
    "letting in": lambda store: store.claim(Roofs(), NOON),
    "giving slots": lambda store: store.give_slot(Roofs(), 0, NOON),
    "a pace": lambda store: store.paces.turn("identify 0", 5),
    "a pause begins": lambda store: store.pauses.begin(lambda _: (1.0, 0.0)),
    "a look at the pause": lambda store: store.pauses.turn(1),
    "whether it lasts": lambda store: store.pauses.lasts(),
    "a pause ends": lambda store: store.pauses.end(),
}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_what_is_done_every_few_seconds_writes_nothing(database: Database) -> None:
    """While somebody else holds the file's write lock, all that an idle bot does goes on, and the log stays as is."""
    assert isinstance(database, SQLiteFile)
    log = database.file.with_name("bot.db-wal")
    async with Store.open(database.url) as store:
        await store.leases.join()
        await store.reserve(an_order(), a_place(), NOON, a_case(an_order()))
        task = await store.claim(Roofs(), NOON)
        assert task
        with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
            before = log.read_bytes()
            other.execute("BEGIN IMMEDIATE")
            for _ in range(3):
                for work in IDLE.values():
                    await work(store)
            other.execute("ROLLBACK")
            assert log.read_bytes() == before
        assert (await store.move(task, State.SENDING, NOON + timedelta(seconds=1))).state is State.SENDING


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_the_pause_and_the_paces_are_kept_in_memory(store: Store) -> None:
    """As between processes: one fault is one pause, one job looks, a good answer ends it, and turns are apart."""
    pause = Pause(store.pauses, lambda: None, random.Random(1), first=30)  # noqa: S311
    await pause.fault(RuntimeError("busy"), None)
    assert await store.pauses.begin(lambda _: (9.0, 9.0)) is None
    assert await store.pauses.lasts()
    rest = await store.pauses.turn(5)
    assert rest is not None
    assert 20 < rest < 40
    await pause.well()
    assert await store.pauses.turn(5) is None
    assert not await store.pauses.lasts()
    assert await store.pauses.begin(lambda latest: (1.0, 0.0) if latest is None else (99.0, 99.0)) == 0
    assert [await store.pauses.turn(5), (await store.pauses.turn(5) or 0) > 4] == [0, True]
    turns = [await store.paces.turn("identify 0", 5.0) for _ in range(3)]
    assert turns == pytest.approx([0, 5, 10], abs=0.5)
    assert await store.paces.turn("identify 1", 5.0) == 0
