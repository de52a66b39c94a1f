"""Reports: counts for /usage, also of deleted tasks and of rows from older databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

import bot.store
from bot.domain.errors import RequestRefused
from bot.domain.limits import NOBODY, GuildLimits
from bot.domain.task import Billed, TaskState
from bot.store import Store
from tests.support.builders import NOON, a_place, an_order
from tests.support.databases import Database
from tests.support.service_harness import ALF, BEA, GRACE, GUILD, HOUR, MOD, ServiceHarness, open_service_harness


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[ServiceHarness]:
    async with open_service_harness(database) as opened:
        yield opened


async def test_usage_is_counted_by_day_and_member(harness: ServiceHarness) -> None:
    """/usage counts outcomes, seconds and credits by day and member, of this server and the requested days only."""
    harness.time -= timedelta(days=7)
    await harness.end(await harness.submit(), TaskState.DELIVERED, Billed.YES)
    harness.time += timedelta(days=6)
    await harness.end(await harness.submit(), TaskState.DELIVERED, Billed.YES, credits=5.5)
    harness.time += timedelta(days=1)
    await harness.end(await harness.submit(BEA), TaskState.FAILED, Billed.UNKNOWN, credits=1.0)
    await harness.submit(BEA)
    await harness.submit(BEA, 33)
    report = await harness.moderation.get_usage(GUILD, 7)
    assert [(row.day.day, row.user_id, row.delivered, row.seconds, row.credits) for row in report.rows] == [
        (31, ALF, 1, 6, 5.5),
        (1, BEA, 0, 0, 1.0),
    ]
    assert [day.tasks for day in report.days] == [0, 0, 0, 0, 0, 1, 2]
    assert [(one.user_id, one.tasks, one.failed, one.unfinished) for one in report.members] == [
        (BEA, 2, 1, 1),
        (ALF, 1, 0, 0),
    ]
    assert (report.total.tasks, report.total.credits) == (3, 6.5)
    assert (await harness.moderation.get_usage(GUILD, 30)).total.tasks == 4


async def test_deleting_data_does_not_reset_the_day(harness: ServiceHarness) -> None:
    """Old tasks are deleted, today's are anonymised but still count, and an unfinished one follows when it ends."""
    harness.defaults = GuildLimits(user_per_day=2)
    await harness.end(await harness.submit(), TaskState.DELIVERED, Billed.YES)
    harness.time += timedelta(days=2)
    today = await harness.end(
        await harness.submit(prompt="a secret"), TaskState.DELIVERED, Billed.YES, result_url="https://x/"
    )
    running = await harness.submit(prompt="another secret")
    await harness.moderation.block(33, MOD, ALF)
    await harness.members.delete_data(ALF)
    kept = await harness.members.get_stored_data(ALF)
    assert (kept.tasks, kept.unfinished, kept.servers) == (1, 1, 1)
    assert await harness.service.list_tasks(ALF) == []
    assert await harness.service.find_task_at(today.place.message_id, ALF) is None
    for task_id in (1, today.id):
        with pytest.raises(RequestRefused):
            await harness.service.get_task(task_id)
    assert (await harness.service.get_task(running.id)).order.prompt == "another secret"
    assert "Your limit" in str((await harness.refused()).message)
    await harness.end(running, TaskState.DELIVERED, Billed.YES)
    await harness.store.retention.delete_due(harness.time, GRACE)
    assert "secret" not in _dump(harness)
    assert "Your limit" in str((await harness.refused()).message)
    harness.time += timedelta(hours=24)
    await harness.store.retention.delete_due(harness.time, GRACE)
    assert _count(harness, "tasks") == 0
    assert "blocked" in str((await harness.refused(guild=33)).message)


async def test_a_left_servers_rows_are_deleted_after_the_grace_time(harness: ServiceHarness) -> None:
    """Rows of a server are deleted 30 days after the bot left it, and kept if the bot returns before."""
    moderation = harness.moderation
    for guild in (GUILD, 33):
        await moderation.change_limits(guild, MOD, user_per_day=3)
        await moderation.block(guild, MOD, BEA)
        await harness.end(await harness.submit(guild=guild), TaskState.DELIVERED, Billed.YES)
    await harness.store.guilds.mark_left(GUILD, harness.time)
    await harness.store.guilds.sync([], harness.time)
    harness.time += GRACE - HOUR
    await harness.store.retention.delete_due(harness.time, GRACE)
    assert (await moderation.get_limits(GUILD)).user_per_day == 3
    await harness.store.guilds.sync([33], harness.time)
    harness.time += HOUR
    await harness.store.retention.delete_due(harness.time, GRACE)
    assert await moderation.get_limits(GUILD) == GuildLimits()
    assert (await moderation.get_limits(33)).user_per_day == 3
    assert [_count(harness, table) for table in ("tasks", "servers", "members")] == [1, 1, 1]


async def test_tasks_of_the_first_version_are_counted(unmigrated: Database) -> None:
    """Tasks of a migrated first-version database count for their server or their member's direct messages."""
    await _migrated_to("0001", unmigrated.url)
    for message, guild in ((1, GUILD), (2, None)):
        row = f"{guild or 'NULL'}, {ALF}, {message}, '{NOON:%F %T}', '{NOON:%F %T}'"
        order, place = an_order(guild_id=guild).model_dump_json(), a_place(message).model_dump_json()
        unmigrated.sql(
            f"""INSERT INTO tasks (state, "order", place, guild_id, user_id, message_id, created_at, changed_at,
            head_ends, progress, overdue, billed, told)
            VALUES ('delivered', '{order}', '{place}', {row}, 0, 0, false, 'yes', true)"""  # noqa: S608
        )
    async with Store.open(unmigrated.url) as store:
        harness = ServiceHarness(store, unmigrated, defaults=GuildLimits(user_per_day=1), messages=10)
        await harness.refused(guild=GUILD)
        await harness.refused(guild=None)
        assert (await harness.moderation.get_usage(GUILD, 1)).total.seconds == 6


async def test_an_upgrade_removes_nul_characters(unmigrated: Database) -> None:
    """A prompt that an older version stored with a NUL can be searched after the upgrade, and its children found."""
    await _migrated_to("0011", unmigrated.url)
    for message, prompt in ((1, "a cat\\u0000 jumps"), (2, r"a \\u0000 that was typed")):
        order = an_order(prompt="PROMPT", parent_id=message - 1 or None).model_dump_json().replace("PROMPT", prompt)
        place, row = a_place(message).model_dump_json(), f"{GUILD}, {ALF}, {message}, '{NOON:%F %T}', '{NOON:%F %T}'"
        unmigrated.sql(
            f"""INSERT INTO tasks (state, "order", place, home, user_id, message_id, created_at, changed_at,
            head_ends, progress, overdue, billed, told)
            VALUES ('delivered', '{order}', '{place}', {row}, 0, 0, false, 'yes', true)"""  # noqa: S608
        )
    async with Store.open(unmigrated.url) as store:
        found = await store.tasks.search(ALF, "a ", 5)
        assert [task.order.prompt for task in found] == ["a \\u0000 that was typed", "a cat jumps"]
        assert [task.id for task in await store.tasks.list_children([1])] == [2]


async def test_usage_still_counts_deleted_tasks(harness: ServiceHarness) -> None:
    """/usage counts a member's deleted tasks, from the next day on as NOBODY's, until they are 31 days old."""
    await harness.end(await harness.submit(prompt="old"), TaskState.DELIVERED, Billed.YES, credits=2.0)
    await harness.end(await harness.submit(), TaskState.FAILED, Billed.NO)
    await harness.end(await harness.submit(BEA), TaskState.DELIVERED, Billed.YES, credits=1.0)
    before = await harness.moderation.get_usage(GUILD, 30)
    await harness.members.delete_data(ALF)
    assert (await harness.moderation.get_usage(GUILD, 30)).total == before.total
    harness.time += timedelta(hours=24)
    await harness.store.retention.delete_due(harness.time, GRACE)
    await harness.store.retention.delete_due(harness.time, GRACE)
    report = await harness.moderation.get_usage(GUILD, 31)
    assert report.total.model_dump(exclude={"day"}) == before.total.model_dump(exclude={"day"})
    assert {(one.user_id, one.tasks) for one in report.members} == {(NOBODY, 2), (BEA, 1)}
    assert [row[0] for row in harness.database.sql("SELECT user_id FROM tasks")] == [BEA]
    harness.time += timedelta(days=32)
    await harness.store.retention.delete_due(harness.time, GRACE)
    assert _count(harness, "tallies") == 0


async def _migrated_to(revision: str, url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.__file__).parent / "migrations"))
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        config.attributes["connection"] = connection.sync_connection
        await connection.run_sync(lambda _: command.upgrade(config, revision))
    await engine.dispose()


def _count(harness: ServiceHarness, table: str) -> int:
    ((count,),) = harness.database.sql(f"SELECT count(*) FROM {table}")  # noqa: S608
    return int(count)


def _dump(harness: ServiceHarness) -> str:
    return str([harness.database.sql(f"SELECT * FROM {table}") for table in ("tasks", "servers", "members")])  # noqa: S608
