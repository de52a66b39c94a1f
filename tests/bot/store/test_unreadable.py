"""A row that cannot be read is set aside, named in the log and counted; all other tasks go on."""

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
    "a word that is no outcome": "billed = 'nonsense'",
    "an order that lacks its prompt": """ "order" = '{"user_id": 1}' """,
    "a progress of text": None,
    "JSON that is cut off": None,
}
"""What stands in the row; None: only SQLite would take it."""
ONLY_SQLITE = {"a progress of text": "created_at = 'yesterday'", "JSON that is cut off": """ "order" = '{"user' """}


async def queued(store: Store, count: int) -> None:
    for number in range(count):
        await store.tasks.create(an_order(user_id=1 + number), a_place(1 + number), NOON, a_case(an_order()))


def damage(database: Database, what: str, task_id: int) -> None:
    wrong = WRONG[what] or ONLY_SQLITE[what]
    database.sql(f"UPDATE tasks SET {wrong} WHERE id = {task_id}")  # noqa: S608


@pytest.mark.parametrize("what", WRONG)
async def test_the_others_are_taken_up(database: Database, what: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of three tasks that a bot left, one is damaged: the other two go on, and the one is told of once."""
    if WRONG[what] is None and not database.url.startswith("sqlite"):
        return
    async with Store.open(database.url) as store:
        await store.leases.register()
        await queued(store, 3)
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
        assert await store.tasks.unfinished_ids() == {1, 2, 3}
        assert [task.id for task in await store.tasks.unfinished()] == [1, 3]


@pytest.mark.parametrize("what", WRONG)
async def test_the_line_goes_on(database: Database, what: str) -> None:
    """The damaged one at the head of the line is passed over, and holds no slot."""
    if WRONG[what] is None and not database.url.startswith("sqlite"):
        return
    async with Store.open(database.url) as store:
        await store.leases.register()
        await queued(store, 3)
        damage(database, what, 1)
        operator_limits = OperatorLimits(max_preparing=8)
        claimed = [await store.queue.claim(operator_limits, NOON) for _ in range(3)]
        assert [task.id if task else None for task in claimed] == [2, 3, None]
        assert store.leases.set_aside.ids == {1}


async def test_running_slots_go_on(database: Database) -> None:
    """A damaged one that is prepared gets no running slot: the next one does, and the damaged one holds none."""
    async with Store.open(database.url) as store:
        await store.leases.register()
        await queued(store, 4)
        tasks = [await store.queue.claim(OperatorLimits(max_preparing=16), NOON) for _ in range(4)]
        for task in tasks:
            assert task
            await store.tasks.update(task, prepared_at=NOON)
        damage(database, "a word that is no outcome", 1)
        given = [await store.queue.give_slot(OperatorLimits(max_running=2), 0, NOON) for _ in range(3)]
        assert [task.id if task else None for task in given] == [2, 3, None]
        assert store.leases.set_aside.ids == {1}


async def test_one_that_waits_for_another_try_is_set_aside(database: Database) -> None:
    """When its wait is over and its row is damaged, it takes no slot back: the next in line is prepared."""
    operator_limits = OperatorLimits(max_preparing=1)
    async with Store.open(database.url) as store:
        await store.leases.register()
        await queued(store, 2)
        first = await store.queue.claim(operator_limits, NOON)
        assert first
        first = await store.tasks.update(first, retry_at=NOON)
        damage(database, "a word that is no outcome", 1)
        with pytest.raises(StaleRow):
            await store.queue.resume(first, operator_limits, 0, NOON)
        assert store.leases.set_aside.ids == {1}
        second = await store.queue.claim(operator_limits, NOON)
        assert second
        assert second.id == 2


async def test_a_mended_one_goes_on(database: Database) -> None:
    """Mended, and taken up by a bot that was started again, it stands in line for a running slot as before."""
    async with Store.open(database.url) as store:
        await store.leases.register()
        await queued(store, 1)
        task = await store.queue.claim(OperatorLimits(), NOON)
        assert task
        await store.tasks.update(task, prepared_at=NOON)
        await store.leases.unregister()
        damage(database, "a word that is no outcome", 1)
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


async def test_more_than_are_taken_at_once(database: Database) -> None:
    """Two hundred damaged rows before a good one do not hide it."""
    async with Store.open(database.url) as store:
        await store.leases.register()
        await queued(store, 201)
        database.sql("UPDATE tasks SET state = 'rendering', holder = NULL")
        database.sql("UPDATE tasks SET billed = 'nonsense' WHERE id <= 200")
        assert [task.id for task in await store.leases.claim_orphaned([])] == [201]
        assert len(store.leases.set_aside.ids) == 200


async def test_what_is_to_be_forgotten_goes_even_so(database: Database) -> None:
    """Of a member who wants their data deleted, a damaged row goes at once, for it cannot be emptied as others are."""
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
    """A bot that starts on a damaged row goes on with the other, takes new orders, and counts it in its figures."""
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
