"""Turns go round the servers and round their members; who waits is told where they stand, and truly."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from bot.domain.limits import GuildLimits, OperatorLimits
from bot.domain.task import Billed, Task, TaskState
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.store import Store
from bot.store.queue_forecast import forecast
from bot.worker import Timeouts
from tests.support.builders import NOON, a_case, a_place, an_order
from tests.support.clips import Clips
from tests.support.crash_points import until
from tests.support.databases import Database
from tests.support.fast_timeouts import tiny
from tests.support.harness import Harness, text_of
from tests.support.starting import start

ALF, *OTHERS = range(1, 7)
ONE_SLOT = OperatorLimits(max_running=1)


async def waiting(store: Store, member: int, guild: int | None = 22, *, message: int) -> Task:
    order = an_order(user_id=member, guild_id=guild)
    return await store.tasks.create(order, a_place(message), NOON, a_case(order))


async def in_turns(store: Store, operator_limits: OperatorLimits, server_running: int = 0) -> list[Task]:
    """Let everybody in line start, the earliest starter ending whenever no slot is free; return them in order."""
    started: list[Task] = []
    at_work: list[Task] = []
    while True:
        while task := await start(store, operator_limits, server_running, NOON):
            started.append(task)
            at_work.append(task)
        if not at_work:
            return started
        await store.tasks.transition(at_work.pop(0), TaskState.FAILED, NOON)


@pytest.mark.parametrize("slots", [1, 3])
async def test_one_members_twenty_do_not_block_five_others(store: Store, slots: int) -> None:
    """Twenty of one member are queued first, then one each of five others: the five are among the first six to start.

    The order is Alf (his task is the oldest), then the five in the order in which they came, then Alf's other 19.
    """
    for message in range(20):
        await waiting(store, ALF, message=1 + message)
    for member in OTHERS:
        await waiting(store, member, message=100 + member)
    started = await in_turns(store, OperatorLimits(max_running=slots))
    assert [task.order.user_id for task in started] == [ALF, *OTHERS, *[ALF] * 19]
    alfs = [task.id for task in started if task.order.user_id == ALF]
    assert alfs == sorted(alfs)


async def test_turns_go_round_the_servers_first(store: Store) -> None:
    """A server with many members in line does not outvote one with one, nor a member in direct messages."""
    for member in range(1, 7):
        await waiting(store, member, guild=22, message=member)
    for message in (11, 12, 13):
        await waiting(store, 7, guild=33, message=message)
    await waiting(store, 8, guild=None, message=20)
    started = await in_turns(store, ONE_SLOT)
    homes = [task.order.guild_id for task in started]
    assert homes == [22, 33, None, 22, 33, 22, 33, 22, 22, 22]


async def test_who_comes_back_waits_behind_who_did_not_have_a_turn(store: Store) -> None:
    """Turns are remembered: an old hand who queues first still starts after the member whose turn is longer ago."""
    for member in (1, 2):
        await waiting(store, member, message=member)
    await in_turns(store, ONE_SLOT)
    for message, member in enumerate((2, 1, 3), 10):
        await waiting(store, member, message=message)
    started = await in_turns(store, ONE_SLOT)
    assert [task.order.user_id for task in started] == [3, 1, 2]


async def test_a_full_server_lets_the_others_pass(store: Store) -> None:
    """Over server_running a server waits, and the next server's turn comes; its own limit, or a share of all."""
    for message in range(6):
        await waiting(store, 1, guild=22, message=1 + message)
    for message in range(6):
        await waiting(store, 1, guild=33, message=11 + message)
    await store.guilds.change(33, lambda _: GuildLimits(server_running=1))
    claimed = [await start(store, OperatorLimits(max_running=10, guild_share_percent=40), 3, NOON) for _ in range(5)]
    assert [task and task.order.guild_id for task in claimed] == [22, 33, 22, 22, None]
    claimed = [await start(store, OperatorLimits(max_running=10, guild_share_percent=40), 0, NOON) for _ in range(2)]
    assert [task and task.order.guild_id for task in claimed] == [22, None]


async def test_what_may_still_be_at_foxapi_keeps_its_slot_for_a_while(store: Store) -> None:
    """A lost answer frees the slot ten minutes later; a cancellation, also a late one, at once."""
    for message in range(3):
        await waiting(store, 1, message=1 + message)
    first = await start(store, ONE_SLOT, 0, NOON)
    assert first
    await store.tasks.transition(first, TaskState.UNCLEAR, NOON, billed=Billed.UNKNOWN)
    later = NOON.replace(minute=9)
    assert await start(store, ONE_SLOT, 0, later) is None
    second = await start(store, ONE_SLOT, 0, NOON.replace(minute=10))
    assert second
    await store.tasks.transition(second, TaskState.CANCELLED, later, billed=Billed.UNKNOWN)
    assert await start(store, ONE_SLOT, 0, NOON.replace(minute=10))


async def test_the_forecast_is_what_happens(store: Store) -> None:
    """For any line, the turns that are told to those in it are the order in which they then start."""
    chance = random.Random(5)  # noqa: S311
    message = 0
    for _ in range(3):
        for _ in range(25):
            message += 1
            guild = chance.choice([22, 33, 44, None])
            await waiting(store, chance.randint(1, 6), guild=guild, message=message)
        operator_limits = OperatorLimits(max_running=chance.randint(1, 4), guild_share_percent=chance.choice([50, 100]))
        told = forecast(
            await store.queue.read_snapshot(operator_limits, 2, NOON), operator_limits.max_running, NOON, 60
        )
        assert [turn.number for turn in told] == list(range(1, 26))
        assert [turn.at for turn in told] == sorted(turn.at for turn in told)
        started = await in_turns(store, operator_limits, server_running=2)
        assert [turn.task_id for turn in told] == [task.id for task in started]


MANY = """
INSERT INTO tasks (message_id, user_id, home, guild_id, "order", state, place, created_at, changed_at, head_ends,
                   progress, overdue, billed, told)
WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
SELECT i, 1 + i % 500, 1 + i % 50, 1 + i % 50,
       CAST(replace(replace(CAST("order" AS TEXT), '"guild_id": 2', '"guild_id": ' || (1 + i % 50)),
                    '"user_id": 2', '"user_id": ' || (1 + i % 500)) AS {json}),
       state, place, created_at, changed_at, 0, 0, overdue, billed, told
FROM n, tasks WHERE tasks.id = 1
"""


async def test_ten_thousand_in_line_are_no_burden(store: Store, database: Database) -> None:
    """With 10,000 tasks of 500 members on 50 servers in line, a turn takes milliseconds, and so does a submission."""
    await waiting(store, 2, guild=2, message=1)
    database.sql(MANY.format(json="TEXT" if database.url.startswith("sqlite") else "JSON"))
    began = time.process_time()
    operator_limits = OperatorLimits(max_running=100, max_preparing=100)
    claimed = [await store.queue.claim(operator_limits, NOON) for _ in range(50)]
    assert len({task.order.guild_id for task in claimed if task}) == 50
    started = [await store.queue.mark_prepared(task, operator_limits, 5, NOON) for task in claimed if task]
    assert {task.state for task in started} == {TaskState.SUBMITTING}
    for message in range(50):
        await waiting(store, 1, guild=1, message=20_000 + message)
    assert (time.process_time() - began) / 150 < 0.03


async def test_those_in_line_see_their_turn_come_nearer(stage: Harness, clips: Clips) -> None:
    """With one slot, the second and third in line are told so, and the third hears when it has become the next."""
    clip, held = tiny(clips), Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(Timeouts(queue_scan=0.1), MAX_RUNNING="1") as bot:
        shown: dict[int, list[int]] = {}
        show = bot.reply_port.update

        def watch(task: Task, still: Path | None) -> None:
            turns = shown.setdefault(task.id, [])
            if task.queue_position is not None and task.queue_position not in turns[-1:]:
                turns.append(task.queue_position)
            show(task, still)

        bot.reply_port.update = watch  # type: ignore[method-assign]
        first = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        second = await stage.extend(stage.ben, clip, seconds=2)
        await stage.until(stage.ben, second, "Queued")
        third = await stage.extend(stage.mia, clip, seconds=2)
        await stage.until(stage.mia, third, "Queued")
        stage.fox.next_quirks = Quirks(pause=(seconds_turn := Pause(at=40)))
        held.release.set()
        await until(lambda: shown[3] == [2, 1])
        seconds_turn.release.set()
        for who, reply in ((stage.ana, first), (stage.ben, second), (stage.mia, third)):
            assert "Finished" in text_of(await stage.until(who, reply, "Finished"))
    assert (shown[2], shown[3]) == ([1], [2, 1])
