"""The store: rows are read as they were written, slots are exact, and one process locks the file."""

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


async def create(store: Store, order: TaskRequest, place: ReplyTarget) -> Task:
    return await store.tasks.create(order, place, NOON, a_case(order))


async def test_a_row_is_read_as_it_was_written(store: Store) -> None:
    """Every field is read as it was written, the token and the time zones included."""
    kept = await create(store, an_order(prompt="猫 'quoted' <@1>"), a_place())
    moved = await store.tasks.transition(kept, TaskState.PREPARING, NOON + timedelta(seconds=1), clip=CLIP)
    read = await store.tasks.get(kept.id)
    assert read == moved
    assert read is not None
    assert read.clip == CLIP
    assert read.place.token.get_secret_value() == "a-secret-token"
    assert read.created_at == NOON
    assert read.created_at.tzinfo is not None


async def test_an_outdated_row_is_not_changed(store: Store) -> None:
    """A write against an outdated state raises StaleRow and changes nothing; going back raises ValueError."""
    seen = await create(store, an_order(), a_place())
    await store.tasks.transition(seen, TaskState.CANCELLED, NOON)
    with pytest.raises(StaleRow):
        await store.tasks.transition(seen, TaskState.PREPARING, NOON)
    rendering = await create(store, an_order(), a_place(56))
    rendering = await store.tasks.transition(rendering, TaskState.RENDERING, NOON)
    with pytest.raises(ValueError, match="never goes from rendering"):
        await store.tasks.transition(rendering, TaskState.SUBMITTING, NOON)


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_a_settled_task_keeps_no_token_it_does_not_need(
    store: Store, database: Database, ephemeral: bool
) -> None:
    """Recording the outcome deletes the interaction's token, except of a private reply, which only it can delete."""
    place = a_place().model_copy(update={"ephemeral": ephemeral})
    task = await store.tasks.transition(await create(store, an_order(), place), TaskState.FAILED, NOON)
    settled = await store.tasks.update(task, outcome_shown=True)
    assert bool(settled.place.token.get_secret_value()) is ephemeral
    ((row,),) = await asyncio.to_thread(database.sql, "SELECT place FROM tasks")
    assert ("a-secret-token" in str(row)) is ephemeral


async def test_slots_are_exact_under_parallel_claims(store: Store) -> None:
    """Forty simultaneous claims of ten queued tasks give exactly three slots, to the oldest tasks."""
    for message in range(10):
        await create(store, an_order(user_id=message), a_place(100 + message))
    claims = await asyncio.gather(*(start(store, OperatorLimits(max_running=3), 0, NOON) for _ in range(40)))
    assert sorted(task.id for task in claims if task) == [1, 2, 3]


async def test_an_overdue_task_frees_its_slot(store: Store) -> None:
    """An overdue task does not take a running slot."""
    for message in range(2):
        await create(store, an_order(), a_place(100 + message))
    first = await start(store, OperatorLimits(max_running=1), 0, NOON)
    assert first
    assert await start(store, OperatorLimits(max_running=1), 0, NOON) is None
    await store.tasks.update(first, overdue=True)
    assert await start(store, OperatorLimits(max_running=1), 0, NOON)


async def test_unfinished_returns_started_tasks_with_work_left(store: Store) -> None:
    """Queued tasks are not returned; started ones are, and finished ones until their outcome is shown."""
    states = [TaskState.QUEUED, TaskState.PREPARING, TaskState.READY, TaskState.FAILED, TaskState.DELIVERED]
    for message, state in enumerate(states):
        task = await create(store, an_order(), a_place(100 + message))
        if state is not TaskState.QUEUED:
            await store.tasks.transition(
                task, state, NOON, outcome_shown=state is TaskState.DELIVERED, billed=Billed.UNKNOWN
            )
    assert [task.state for task in await store.tasks.list_unfinished()] == [
        TaskState.PREPARING,
        TaskState.READY,
        TaskState.FAILED,
    ]


async def test_a_second_bot_on_the_same_file_is_refused(tmp_path: Path) -> None:
    """Opening a file that another bot has open fails with one sentence."""
    url = f"sqlite+aiosqlite:///{tmp_path}/bot.db"
    async with Store.open(url):
        with pytest.raises(StoreUnusable, match="Another bot is already running"):
            async with Store.open(url):
                pass


async def test_several_processes_open_a_new_database_at_once(unmigrated: Database) -> None:
    """On PostgreSQL, processes that start together migrate one after the other, and all succeed."""
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


async def test_the_migrations_create_the_tables_of_the_code(database: Database) -> None:
    """The migrated schema is the schema of tables.py, column by column."""
    async with Store.open(database.url):
        pass
    engine = create_async_engine(database.url)
    async with engine.connect() as connection:

        def differences(sync: Connection) -> list[object]:
            return list(compare_metadata(MigrationContext.configure(sync), metadata))

        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_unusual_characters_and_large_ids_are_stored(store: Store) -> None:
    """A NUL is removed, ids may be as large as Discord's, and all other characters are kept."""
    task = await create(store, an_order(user_id=2**62, prompt="\U0001f431 \\ ' \""), a_place(2**62))
    failed = await store.tasks.transition(task, TaskState.FAILED, NOON, remote_id="no\0 way")
    assert failed.remote_id == "no way"
    assert await store.tasks.get(10**18 - 1) is None
    assert [found.id for found in await store.tasks.search(2**62, "\U0001f431 \\", 5)] == [task.id]


@pytest.mark.parametrize("words", ["cat\0 jump", "cat jump"])
async def test_a_nul_in_a_prompt_breaks_no_search(store: Store, words: str) -> None:
    """A NUL, which would make PostgreSQL fail on each search, is removed from prompts and from search words."""
    task = await create(store, an_order(prompt="a cat\0 jumps", source_name="\0.mp4"), a_place())
    assert (task.order.prompt, task.order.source_name) == ("a cat jumps", ".mp4")
    assert [found.id for found in await store.tasks.search(11, words, 5)] == [task.id]
    limits = GuildLimits(paused="later\0", forbidden=("a\0b",))
    assert (await store.guilds.change(22, lambda _: limits))[1] == limits
    kept = await store.guilds.get_limits(22)
    assert kept
    assert (kept.paused, kept.forbidden) == ("later", ("ab",))


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite+aiosqlite://", "postgresql://x/y"])
async def test_a_wrong_address_is_one_sentence(url: str) -> None:
    """A DATABASE_URL that cannot work gives one sentence."""
    with pytest.raises(StoreUnusable, match="DATABASE_URL"):
        async with Store.open(url):
            pass
