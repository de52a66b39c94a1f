"""The store: rows come back as they went in, slots are exact, and one process holds the file."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.limits import GuildLimits, OperatorLimits
from bot.domain.task import Billed, ReplyTarget, Task, TaskRequest, TaskState, VideoInfo
from bot.store import StaleRow, Store, StoreUnusable
from bot.store.tables import metadata
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.databases import Database
from tests.support.starting import start

CLIP = VideoInfo(seconds=4, width=640, height=360, video_codec="h264", container="mp4", fps=30, audio=True, size=1000)


async def added(store: Store, order: TaskRequest, place: ReplyTarget) -> Task:
    return await store.tasks.create(order, place, NOON, a_case(order))


async def test_a_row_comes_back_as_it_went_in(store: Store) -> None:
    """Every field survives the database, the token and the time zones included."""
    kept = await added(store, an_order(prompt="猫 'quoted' <@1>"), a_place())
    moved = await store.tasks.transition(kept, TaskState.PREPARING, NOON + timedelta(seconds=1), clip=CLIP)
    read = await store.tasks.get(kept.id)
    assert read == moved
    assert read is not None
    assert read.clip == CLIP
    assert read.place.token.get_secret_value() == "a-secret-token"
    assert read.created_at == NOON
    assert read.created_at.tzinfo is not None


async def test_only_the_row_that_was_seen_is_changed(store: Store) -> None:
    """A write against an outdated state raises StaleRow and changes nothing; going back is an error."""
    seen = await added(store, an_order(), a_place())
    await store.tasks.transition(seen, TaskState.CANCELLED, NOON)
    with pytest.raises(StaleRow):
        await store.tasks.transition(seen, TaskState.PREPARING, NOON)
    rendering = await added(store, an_order(), a_place(56))
    rendering = await store.tasks.transition(rendering, TaskState.RENDERING, NOON)
    with pytest.raises(ValueError, match="never goes from rendering"):
        await store.tasks.transition(rendering, TaskState.SUBMITTING, NOON)


async def test_slots_are_exact_under_parallel_claims(store: Store) -> None:
    """Of ten in line, forty simultaneous claims let exactly three in, the oldest first."""
    for message in range(10):
        await added(store, an_order(user_id=message), a_place(100 + message))
    claims = await asyncio.gather(*(start(store, OperatorLimits(max_running=3), 0, NOON) for _ in range(40)))
    assert sorted(task.id for task in claims if task) == [1, 2, 3]


async def test_an_overdue_task_frees_its_slot(store: Store) -> None:
    """A task that FoxAPI has gone silent on no longer counts as running."""
    for message in range(2):
        await added(store, an_order(), a_place(100 + message))
    first = await start(store, OperatorLimits(max_running=1), 0, NOON)
    assert first
    assert await start(store, OperatorLimits(max_running=1), 0, NOON) is None
    await store.tasks.update(first, overdue=True)
    assert await start(store, OperatorLimits(max_running=1), 0, NOON)


async def test_unfinished_are_those_with_something_left_to_do(store: Store) -> None:
    """What stands in line is claimed, what is at work goes on, and an end counts until it was told."""
    states = [TaskState.QUEUED, TaskState.PREPARING, TaskState.READY, TaskState.FAILED, TaskState.DELIVERED]
    for message, state in enumerate(states):
        task = await added(store, an_order(), a_place(100 + message))
        if state is not TaskState.QUEUED:
            await store.tasks.transition(
                task, state, NOON, outcome_shown=state is TaskState.DELIVERED, billed=Billed.UNKNOWN
            )
    assert [task.state for task in await store.tasks.unfinished()] == [
        TaskState.PREPARING,
        TaskState.READY,
        TaskState.FAILED,
    ]


async def test_a_second_bot_on_the_same_file_is_refused(tmp_path: Path) -> None:
    """Another process (here: another opening) gets one sentence instead of a share in the work."""
    url = f"sqlite+aiosqlite:///{tmp_path}/bot.db"
    async with Store.open(url):
        with pytest.raises(StoreUnusable, match="Another bot is already running"):
            async with Store.open(url):
                pass


async def test_several_open_a_new_server_database_at_once(unmigrated: Database) -> None:
    """On PostgreSQL they migrate one after the other, and all of them go on; a file is for one of them."""
    if unmigrated.url.startswith("sqlite"):
        return

    async def open_it() -> None:
        async with Store.open(unmigrated.url) as store:
            assert await store.tasks.get(1) is None

    await asyncio.gather(*(open_it() for _ in range(4)))


async def test_a_newer_database_is_refused(database: Database) -> None:
    """An older bot does not touch the database of a newer one."""
    async with Store.open(database.url):
        pass
    database.sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnusable, match="newer version"):
        async with Store.open(database.url):
            pass


async def test_the_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    """What alembic builds is what the code's tables describe, column by column."""
    async with Store.open(database.url):
        pass
    engine = create_async_engine(database.url)
    async with engine.connect() as connection:

        def differences(sync: Connection) -> list[object]:
            return list(compare_metadata(MigrationContext.configure(sync), metadata))

        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_characters_that_one_make_does_not_take(store: Store) -> None:
    """A NUL in somebody's text is left out, numbers may be as large as Discord's, and the others come back."""
    task = await added(store, an_order(user_id=2**62, prompt="\U0001f431 \\ ' \""), a_place(2**62))
    failed = await store.tasks.transition(task, TaskState.FAILED, NOON, remote_id="no\0 way")
    assert failed.remote_id == "no way"
    assert await store.tasks.get(10**18 - 1) is None
    assert [found.id for found in await store.tasks.search(2**62, "\U0001f431 \\", 5)] == [task.id]


@pytest.mark.parametrize("words", ["cat\0 jump", "cat jump"])
async def test_a_nul_in_a_prompt_breaks_no_search(store: Store, words: str) -> None:
    """PostgreSQL would keep it in JSON and fail on each search of that member: it is left out, there and in words."""
    task = await added(store, an_order(prompt="a cat\0 jumps", source_name="\0.mp4"), a_place())
    assert (task.order.prompt, task.order.source_name) == ("a cat jumps", ".mp4")
    assert [found.id for found in await store.tasks.search(11, words, 5)] == [task.id]
    limits = GuildLimits(paused="later\0", forbidden=("a\0b",))
    assert (await store.guilds.change(22, lambda _: limits))[1] == limits
    kept = await store.guilds.get_limits(22)
    assert kept
    assert (kept.paused, kept.forbidden) == ("later", ("ab",))


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite+aiosqlite://", "postgresql://x/y"])
async def test_a_wrong_address_is_one_sentence(url: str) -> None:
    """A DATABASE_URL that cannot work is named, not traced back."""
    with pytest.raises(StoreUnusable, match="DATABASE_URL"):
        async with Store.open(url):
            pass
