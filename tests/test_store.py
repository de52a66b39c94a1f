"""The store: rows come back as they went in, slots are exact, and one process holds the file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.rules import Roofs
from bot.store import Moved, Store, StoreUnusable
from bot.task import Billed, Clip, Order, Place, State, Task
from tests.makers import NOON, a_case, a_place, an_order

CLIP = Clip(seconds=4, width=640, height=360, video_codec="h264", container="mp4", fps=30, audio=True, size=1000)


def url_of(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/bot.db"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(url_of(tmp_path)) as opened:
        yield opened


async def added(store: Store, order: Order, place: Place) -> Task:
    return await store.reserve(order, place, NOON, a_case(order))


async def test_a_row_comes_back_as_it_went_in(store: Store) -> None:
    """Every field survives the database, the token and the time zones included."""
    kept = await added(store, an_order(prompt="猫 'quoted' <@1>"), a_place())
    moved = await store.move(kept, State.PREPARING, NOON + timedelta(seconds=1), clip=CLIP)
    read = await store.get(kept.id)
    assert read == moved
    assert read is not None
    assert read.clip == CLIP
    assert read.place.token.get_secret_value() == "a-secret-token"
    assert read.created_at == NOON
    assert read.created_at.tzinfo is not None


async def test_only_the_row_that_was_seen_is_changed(store: Store) -> None:
    """A write against a state that is no longer the row's raises Moved and changes nothing; going back is an error."""
    seen = await added(store, an_order(), a_place())
    await store.move(seen, State.CANCELLED, NOON)
    with pytest.raises(Moved):
        await store.move(seen, State.PREPARING, NOON)
    rendering = await added(store, an_order(), a_place(56))
    rendering = await store.move(rendering, State.RENDERING, NOON)
    with pytest.raises(ValueError, match="never goes from rendering"):
        await store.move(rendering, State.SENDING, NOON)


async def test_slots_are_exact_under_parallel_claims(store: Store) -> None:
    """Of ten in line, forty simultaneous claims let exactly three in, the oldest first."""
    for message in range(10):
        await added(store, an_order(), a_place(100 + message))
    claims = await asyncio.gather(*(store.claim(Roofs(max_running=3), 0, NOON) for _ in range(40)))
    assert sorted(task.id for task in claims if task) == [1, 2, 3]


async def test_an_overdue_task_frees_its_slot(store: Store) -> None:
    """A task that FoxAPI has gone silent on no longer counts as running."""
    for message in range(2):
        await added(store, an_order(), a_place(100 + message))
    first = await store.claim(Roofs(max_running=1), 0, NOON)
    assert first
    assert await store.claim(Roofs(max_running=1), 0, NOON) is None
    await store.note(first, overdue=True)
    assert await store.claim(Roofs(max_running=1), 0, NOON)


async def test_unfinished_are_those_with_something_left_to_do(store: Store) -> None:
    """What stands in line is claimed, what is at work goes on, and an end counts until it was told."""
    states = [State.QUEUED, State.PREPARING, State.READY, State.FAILED, State.DELIVERED]
    for message, state in enumerate(states):
        task = await added(store, an_order(), a_place(100 + message))
        if state is not State.QUEUED:
            await store.move(task, state, NOON, told=state is State.DELIVERED, billed=Billed.UNKNOWN)
    assert [task.state for task in await store.unfinished()] == [State.PREPARING, State.READY, State.FAILED]


@pytest.mark.usefixtures("store")
async def test_a_second_bot_on_the_same_file_is_refused(tmp_path: Path) -> None:
    """Another process (here: another opening) gets one sentence instead of a share in the work."""
    with pytest.raises(StoreUnusable, match="Another bot is already running"):
        async with Store.open(url_of(tmp_path)):
            pass


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """An older bot does not touch the database of a newer one."""
    async with Store.open(url_of(tmp_path)):
        pass
    with sqlite3.connect(tmp_path / "bot.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreUnusable, match="newer version"):
        async with Store.open(url_of(tmp_path)):
            pass


async def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    """What alembic builds is what tables.py describes, column by column."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    from bot.store.tables import metadata

    async with Store.open(url_of(tmp_path)):
        pass
    engine = create_engine(f"sqlite:///{tmp_path}/bot.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite+aiosqlite://"])
async def test_a_wrong_address_is_one_sentence(url: str) -> None:
    """A DATABASE_URL that cannot work is named, not traced back."""
    with pytest.raises(StoreUnusable, match="DATABASE_URL"):
        async with Store.open(url):
            pass
