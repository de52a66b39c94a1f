"""Retention: finished tasks are deleted after a set time; counts, limits and shared videos are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.domain.errors import RequestRefused
from bot.domain.task import Billed, TaskState
from bot.worker import Timeouts
from tests.support.crash_points import until
from tests.support.databases import Database
from tests.support.harness import Harness
from tests.support.service_harness import ALF, GUILD, HOUR, ServiceHarness, open_service_harness

DAY = timedelta(days=1)
PROMPTS = """SELECT id, "order" ->> 'prompt' FROM tasks ORDER BY id"""


@pytest.fixture
async def harness(database: Database) -> AsyncIterator[ServiceHarness]:
    async with open_service_harness(database) as opened:
        yield opened


async def read_prompts(harness: ServiceHarness) -> list[tuple[int, str]]:
    return [(int(key), str(prompt)) for key, prompt in harness.database.sql(PROMPTS)]


async def test_only_expired_rows_are_deleted(harness: ServiceHarness) -> None:
    """A row is deleted 90 days after its task's end, not an hour before; an unfinished task's row never is."""
    for state in (TaskState.DELIVERED, TaskState.FAILED, TaskState.UNCLEAR):
        await harness.end(await harness.submit(prompt="old"), state, Billed.YES)
    await harness.submit(prompt="waits")
    ended = harness.time
    harness.time = ended + 90 * DAY - HOUR
    assert await harness.store.retention.expire(harness.time, 90 * DAY) == 0
    harness.time = ended + 90 * DAY
    assert await harness.store.retention.expire(harness.time, 90 * DAY) == 3
    assert await read_prompts(harness) == [(4, "waits")]
    assert (await harness.submit()).id == 5


async def test_counts_outlive_the_content(harness: ServiceHarness) -> None:
    """With a retention of one day a task's content is deleted, while /usage counts it for its 30 days."""
    task = await harness.end(await harness.submit(prompt="secret"), TaskState.DELIVERED, Billed.YES, credits=5.0)
    harness.time += DAY
    assert await harness.store.retention.expire(harness.time, DAY) == 1
    assert await harness.store.retention.expire(harness.time, DAY) == 0
    assert await read_prompts(harness) == [(1, "(deleted)")]
    total = (await harness.moderation.get_usage(GUILD, 30)).total
    assert (total.delivered, total.credits) == (1, 5.0)
    assert await harness.service.list_tasks(ALF) == []
    assert (await harness.members.get_stored_data(ALF)).tasks == 0
    with pytest.raises(RequestRefused):
        await harness.service.get_task(task.id)
    harness.time += 30 * DAY
    assert await harness.store.retention.expire(harness.time, DAY) == 1
    assert await read_prompts(harness) == []


async def test_a_shared_task_is_kept_until_it_is_unshared(harness: ServiceHarness) -> None:
    """A task is kept as long as a share of it exists, for the post's buttons and the gallery."""
    task = await harness.end(await harness.submit(prompt="shown"), TaskState.DELIVERED, Billed.YES)
    intended = await harness.store.shares.reserve(task, GUILD, 5, harness.time, hidden=False)
    assert intended
    share, _ = intended
    harness.time += 400 * DAY
    assert await harness.store.retention.expire(harness.time, 90 * DAY) == 0
    assert await harness.store.tasks.get(task.id) == task
    await harness.store.shares.remove(share.id)
    assert await harness.store.retention.expire(harness.time, 90 * DAY) == 1


async def test_many_rows_are_deleted_in_batches(harness: ServiceHarness) -> None:
    """One call deletes all expired rows, even more than fit in one transaction."""
    await harness.end(await harness.submit(), TaskState.DELIVERED, Billed.YES)
    columns = '"order", place, state, user_id, home, seconds, created_at, changed_at, head_ends, progress, overdue, '
    columns += "billed, told, granted, forgotten, ping_due, deleted"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
    harness.database.sql(
        f"{numbers} INSERT INTO tasks ({columns}, message_id) SELECT {columns}, 10000 + i FROM tasks, n"  # noqa: S608
    )
    assert await harness.store.retention.expire(harness.time + 90 * DAY, 90 * DAY) == 1201


async def test_the_bot_runs_retention(stage: Harness) -> None:
    """With KEEP_TASK_DAYS=1 the bot anonymises a task a day later; with 0 it never does."""
    async with stage.bot():
        await stage.recorded(
            await stage.until(
                stage.ana, await stage.extend(stage.ana, stage.clips.plain, "a secret", seconds=2), "Finished"
            )
        )
    stage.clock.advance(2 * 86_400)
    for days, gone in (("0", False), ("1", True)):
        async with stage.bot(Timeouts(retention=0.1), KEEP_TASK_DAYS=days):
            if gone:
                await until(lambda: prompts(stage) == ["(deleted)"])
        assert prompts(stage) == (["(deleted)"] if gone else ["a secret"])


def prompts(stage: Harness) -> list[str]:
    return [row[0] for row in stage.database.sql("""SELECT "order" ->> 'prompt' FROM tasks""")]
