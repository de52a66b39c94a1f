"""An unreadable row is set aside, logged and counted; all other tasks continue."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.limits import OperatorLimits
from bot.domain.task import Billed, TaskState
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.store import StaleRow, Store
from tests.bot.health.test_health import address, scraped
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.clips import Clips
from tests.support.crash_points import until
from tests.support.databases import Database
from tests.support.fast_timeouts import DONE, tiny
from tests.support.harness import Harness

WRONG = {
    "an unknown enum value": "billed = 'nonsense'",
    "an order without a prompt": """ "order" = '{"user_id": 1}' """,
    "a date of text": None,
    "truncated JSON": None,
}
"""The damage by its name; None: only SQLite accepts it (see ONLY_SQLITE)."""
ONLY_SQLITE = {"a date of text": "created_at = 'yesterday'", "truncated JSON": """ "order" = '{"user' """}


async def create_tasks(store: Store, count: int) -> None:
    for number in range(count):
        await store.tasks.create(an_order(user_id=1 + number), a_place(1 + number), NOON, a_case(an_order()))


def damage(database: Database, what: str, task_id: int) -> None:
    wrong = WRONG[what] or ONLY_SQLITE[what]
    database.sql(f"UPDATE tasks SET {wrong} WHERE id = {task_id}")  # noqa: S608


@pytest.mark.parametrize("what", WRONG)
async def test_other_orphans_are_claimed(database: Database, what: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of three orphaned tasks, one is damaged: the other two are claimed, and the one is logged once."""
    if WRONG[what] is None and not database.url.startswith("sqlite"):
        return
    async with Store.open(database.url) as store:
        await store.leases.register()
        await create_tasks(store, 3)
        for _ in range(3):
            await store.queue.claim(OperatorLimits(max_preparing=12), NOON)
        damage(database, what, 2)
        await store.leases.unregister()
    async with Store.open(database.url) as store:
        await store.leases.register()
        taken = await store.leases.claim_orphaned([])
        assert [task.id for task in taken] == [1, 3]
        assert await store.leases.claim_orphaned([1, 3]) == []
        assert store.leases.set_aside.ids == {2}
        assert [record.getMessage()[:19] for record in caplog.records if record.levelname == "ERROR"] == [
            "task 2 is set aside"
        ]
        assert "yesterday" not in caplog.text
        assert await store.tasks.list_unfinished_ids() == {1, 2, 3}
        assert [task.id for task in await store.tasks.list_unfinished()] == [1, 3]


@pytest.mark.parametrize("what", WRONG)
async def test_the_queue_continues(database: Database, what: str) -> None:
    """A damaged task at the head of the queue is skipped and takes no slot."""
    if WRONG[what] is None and not database.url.startswith("sqlite"):
        return
    async with Store.open(database.url) as store:
        await store.leases.register()
        await create_tasks(store, 3)
        damage(database, what, 1)
        operator_limits = OperatorLimits(max_preparing=8)
        claimed = [await store.queue.claim(operator_limits, NOON) for _ in range(3)]
        assert [task.id if task else None for task in claimed] == [2, 3, None]
        assert store.leases.set_aside.ids == {1}


async def test_running_slots_are_given_to_others(database: Database) -> None:
    """A damaged prepared task gets no running slot; the next tasks do."""
    async with Store.open(database.url) as store:
        await store.leases.register()
        await create_tasks(store, 4)
        tasks = [await store.queue.claim(OperatorLimits(max_preparing=16), NOON) for _ in range(4)]
        for task in tasks:
            assert task
            await store.tasks.update(task, prepared_at=NOON)
        damage(database, "an unknown enum value", 1)
        given = [await store.queue.give_slot(OperatorLimits(max_running=2), 0, NOON) for _ in range(3)]
        assert [task.id if task else None for task in given] == [2, 3, None]
        assert store.leases.set_aside.ids == {1}


async def test_a_damaged_retry_is_set_aside(database: Database) -> None:
    """A damaged task whose retry is due takes no slot; the next queued task does."""
    operator_limits = OperatorLimits(max_preparing=1)
    async with Store.open(database.url) as store:
        await store.leases.register()
        await create_tasks(store, 2)
        first = await store.queue.claim(operator_limits, NOON)
        assert first
        first = await store.tasks.update(first, retry_at=NOON)
        damage(database, "an unknown enum value", 1)
        with pytest.raises(StaleRow):
            await store.queue.resume(first, operator_limits, 0, NOON)
        assert store.leases.set_aside.ids == {1}
        second = await store.queue.claim(operator_limits, NOON)
        assert second
        assert second.id == 2


async def test_a_repaired_task_continues(database: Database) -> None:
    """A repaired task gets its running slot from a restarted bot."""
    async with Store.open(database.url) as store:
        await store.leases.register()
        await create_tasks(store, 1)
        task = await store.queue.claim(OperatorLimits(), NOON)
        assert task
        await store.tasks.update(task, prepared_at=NOON)
        await store.leases.unregister()
        damage(database, "an unknown enum value", 1)
    async with Store.open(database.url) as store:
        await store.leases.register()
        assert await store.leases.claim_orphaned([]) == []
        assert await store.queue.give_slot(OperatorLimits(), 0, NOON) is None
        await store.leases.unregister()
        database.sql("UPDATE tasks SET billed = 'no' WHERE id = 1")
    async with Store.open(database.url) as store:
        await store.leases.register()
        assert [(task.id, task.overdue) for task in await store.leases.claim_orphaned([])] == [(1, False)]
        given = await store.queue.give_slot(OperatorLimits(), 0, NOON)
        assert given
        assert given.state is TaskState.SUBMITTING


async def test_many_damaged_rows_hide_no_good_one(database: Database) -> None:
    """A good row after 200 damaged ones, more than one batch, is claimed."""
    async with Store.open(database.url) as store:
        await store.leases.register()
        await create_tasks(store, 201)
        database.sql("UPDATE tasks SET state = 'rendering', holder = NULL")
        database.sql("UPDATE tasks SET billed = 'nonsense' WHERE id <= 200")
        assert [task.id for task in await store.leases.claim_orphaned([])] == [201]
        assert len(store.leases.set_aside.ids) == 200


async def test_a_damaged_row_is_deleted_on_request(database: Database) -> None:
    """A member's damaged row is deleted at once on request, because it cannot be anonymised."""
    async with Store.open(database.url) as store:
        for number in range(2):
            task = await store.tasks.create(an_order(), a_place(1 + number), NOON, a_case(an_order()))
            await store.tasks.transition(task, TaskState.DELIVERED, NOON, outcome_shown=True, billed=Billed.YES)
        database.sql("""UPDATE tasks SET "order" = '{"prompt": "secret"}' WHERE id = 1""")
        await store.retention.delete_member(11, NOON + timedelta(hours=1))
        assert database.sql("""SELECT id, "order" ->> 'prompt' FROM tasks""") == [(2, "(deleted)")]


async def test_a_bot_with_a_damaged_row_serves_everybody_else(
    stage: Harness, clips: Clips, caplog: pytest.LogCaptureFixture
) -> None:
    """A bot that starts with a damaged row continues the other task, accepts new ones, and counts it in its metrics."""
    caplog.set_level("INFO")
    rendering = [Pause(at=10), Pause(at=10)]
    replies = []
    async with stage.bot():
        for pause in rendering:
            stage.fox.next_quirks = Quirks(pause=pause)
            replies.append(await stage.extend(stage.ana, tiny(clips), seconds=2))
            await pause.reached.wait()
        await until(lambda: stage.database.sql("SELECT COUNT(*) FROM tasks WHERE state = 'rendering'") == [(2,)])
    stage.database.sql("UPDATE tasks SET billed = 'nonsense' WHERE id = 1")
    async with stage.bot(HTTP_PORT="0"):
        for pause in rendering:
            pause.release.set()
        replies.append(await stage.extend(stage.ben, tiny(clips), seconds=2))
        for who, reply in ((stage.ana, replies[1]), (stage.ben, replies[2])):
            await stage.until(who, reply, DONE)
        assert "extendbot_tasks_set_aside 1.0" in await scraped(address(caplog.text))
    assert caplog.text.count("task 1 is set aside") == 1
    assert len(stage.fox.payments) == 3
