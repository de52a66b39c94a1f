"""What finished tasks leave goes after a set time; counts, limits and what is shared do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.runner import Patience
from bot.task import Billed, Refused, State
from tests.databases import Database
from tests.desk import ALF, GUILD, HOUR, Desk, at_desk
from tests.ending import until
from tests.stage import Stage

DAY = timedelta(days=1)
PROMPTS = """SELECT id, "order" ->> 'prompt' FROM tasks ORDER BY id"""


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with at_desk(database) as opened:
        yield opened


async def kept(desk: Desk) -> list[tuple[int, str]]:
    return [(int(key), str(prompt)) for key, prompt in desk.database.sql(PROMPTS)]


async def test_old_rows_go_and_nothing_else(desk: Desk) -> None:
    """Ninety days after its end a task's row is deleted, and not an hour before; an unfinished one never is."""
    for state in (State.DELIVERED, State.FAILED, State.UNCLEAR):
        await desk.end(await desk.submit(prompt="old"), state, Billed.YES)
    await desk.submit(prompt="waits")
    ended = desk.time
    desk.time = ended + 90 * DAY - HOUR
    assert await desk.store.attic.retire(desk.time, 90 * DAY) == 0
    desk.time = ended + 90 * DAY
    assert await desk.store.attic.retire(desk.time, 90 * DAY) == 3
    assert await kept(desk) == [(4, "waits")]
    assert (await desk.submit()).id == 5


async def test_counts_outlive_the_words(desk: Desk) -> None:
    """Kept for a day only, a task's prompt and links go, /usage still counts it for its 30 days, nobody is shown it."""
    task = await desk.end(await desk.submit(prompt="secret"), State.DELIVERED, Billed.YES, credits=5.0)
    desk.time += DAY
    assert await desk.store.attic.retire(desk.time, DAY) == 1
    assert await desk.store.attic.retire(desk.time, DAY) == 0
    assert await kept(desk) == [(1, "(deleted)")]
    total = (await desk.service.moderation.usage(GUILD, 30)).total
    assert (total.delivered, total.credits) == (1, 5.0)
    assert await desk.service.tasks_of(ALF) == []
    assert (await desk.service.kept(ALF)).tasks == 0
    with pytest.raises(Refused):
        await desk.service.task(task.id)
    desk.time += 30 * DAY
    assert await desk.store.attic.retire(desk.time, DAY) == 1
    assert await kept(desk) == []


async def test_what_is_shared_stays_until_it_is_taken_back(desk: Desk) -> None:
    """The post's buttons and the gallery find their task as long as there is a share of it."""
    task = await desk.end(await desk.submit(prompt="shown"), State.DELIVERED, Billed.YES)
    intended = await desk.store.shares.intend(task, GUILD, 5, desk.time, hidden=False)
    assert intended
    share, _ = intended
    desk.time += 400 * DAY
    assert await desk.store.attic.retire(desk.time, 90 * DAY) == 0
    assert await desk.store.get(task.id) == task
    await desk.store.shares.remove(share.id)
    assert await desk.store.attic.retire(desk.time, 90 * DAY) == 1


async def test_many_go_in_batches(desk: Desk) -> None:
    """More rows than one transaction takes are all gone after one sweep."""
    await desk.end(await desk.submit(), State.DELIVERED, Billed.YES)
    columns = '"order", place, state, user_id, home, seconds, created_at, changed_at, head_ends, progress, overdue, '
    columns += "billed, told, granted, forgotten, ping_due, deleted"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
    desk.database.sql(
        f"{numbers} INSERT INTO tasks ({columns}, message_id) SELECT {columns}, 10000 + i FROM tasks, n"  # noqa: S608
    )
    assert await desk.store.attic.retire(desk.time + 90 * DAY, 90 * DAY) == 1201


async def test_the_bot_does_it_by_itself(stage: Stage) -> None:
    """With KEEP_TASK_DAYS=1 the record of a film is emptied a day later; with 0 it is not."""
    async with stage.bot():
        await stage.recorded(
            await stage.until(
                stage.ana, await stage.extend(stage.ana, stage.clips.plain, "a secret", seconds=2), "Finished"
            )
        )
    stage.clock.advance(2 * 86_400)
    for days, gone in (("0", False), ("1", True)):
        async with stage.bot(Patience(sweep=0.1), KEEP_TASK_DAYS=days):
            if gone:
                await until(lambda: prompts(stage) == ["(deleted)"])
        assert prompts(stage) == (["(deleted)"] if gone else ["a secret"])


def prompts(stage: Stage) -> list[str]:
    return [row[0] for row in stage.database.sql("""SELECT "order" ->> 'prompt' FROM tasks""")]
