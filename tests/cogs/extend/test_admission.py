"""Slow links, full disks and one member's failures delay nobody else and cost nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.domain.errors import RequestRefused
from bot.domain.limits import OperatorLimits
from bot.domain.policy import SubmissionCheck
from bot.domain.task import Task, TaskState
from bot.media import Workspaces
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.store import Store
from bot.worker import Timeouts
from tests.cogs.extend.test_bad_input import web_server
from tests.support.builders import NOON, ROOMY, a_case, a_place, an_order
from tests.support.clips import Clips
from tests.support.fast_timeouts import tiny
from tests.support.harness import CREATE, Harness, text_of, title_of
from tests.support.moderation import refused

GIGABYTE = 1_000_000_000
SMALL = 5_000_000


async def ordered(store: Store, number: int, user: int, guild: int | None = 22, needs: int = 0) -> Task:
    order = an_order(user_id=user, guild_id=guild)
    return await store.tasks.create(order, a_place(number), NOON, a_case(order), needs)


async def claims(store: Store, operator_limits: OperatorLimits, room: int | None = None) -> list[Task]:
    """Return all tasks that may be prepared now, in order."""
    found = []
    while task := await store.queue.claim(operator_limits, NOON, room):
        found.append(task)
    return found


@pytest.mark.parametrize("members", [1, 20])
async def test_twenty_slow_ones_leave_room_to_another_server(store: Store, members: int) -> None:
    """Two tasks of a member and a quarter of the slots for a server are prepared at once; other servers go on."""
    for number in range(20):
        await ordered(store, 1 + number, 1 + number % members)
    slow = await claims(store, ROOMY)
    assert len(slow) == (2 if members == 1 else 5)
    other = await ordered(store, 100, 99, guild=33)
    (claimed,) = await claims(store, ROOMY)
    assert claimed.id == other.id
    assert (await store.queue.mark_prepared(claimed, ROOMY, 0, NOON)).state is TaskState.SUBMITTING


async def test_one_member_everywhere_is_one_member(store: Store) -> None:
    """The limit of two tasks prepared at once holds for one member across twenty servers."""
    for number in range(20):
        await ordered(store, 1 + number, 7, guild=100 + number)
    assert len(await claims(store, ROOMY)) == 2


async def test_running_slots_are_exact_however_many_are_prepared(store: Store) -> None:
    """Five workers start thirty tasks at once without exceeding the slots of all servers or of one."""
    operator_limits = OperatorLimits(max_running=5, max_preparing=1000)
    at_foxapi: dict[int, Task] = {}
    for number in range(30):
        await ordered(store, 1 + number, 1 + number, guild=22 + number % 2)
    ended = 0
    while ended < 30:
        prepared = await asyncio.gather(*(store.queue.claim(operator_limits, NOON) for _ in range(5)))
        sent = await asyncio.gather(
            *(store.queue.mark_prepared(task, operator_limits, 3, NOON) for task in prepared if task)
        )
        given = await asyncio.gather(*(store.queue.give_slot(operator_limits, 3, NOON) for _ in range(5)))
        at_foxapi |= {task.id: task for task in (*sent, *given) if task and task.state is TaskState.SUBMITTING}
        homes = Counter(task.order.guild_id for task in at_foxapi.values())
        assert sum(homes.values()) <= 5
        assert max(homes.values()) <= 3
        _, ending = at_foxapi.popitem()
        await store.tasks.transition(ending, TaskState.FAILED, NOON)
        ended += 1


async def test_a_task_waits_for_room_and_lets_smaller_ones_pass_for_a_while(store: Store) -> None:
    """A task too large for the free space stays queued and is marked; after two minutes, other tasks wait for it."""
    huge = await ordered(store, 1, 1, needs=900)
    small = [await ordered(store, 2 + number, 2 + number, needs=100) for number in range(3)]
    assert [task.id for task in await claims(store, ROOMY.model_copy(update={"max_preparing": 4}), 500)] == [
        small[0].id
    ]
    seen = await store.tasks.get(huge.id)
    assert seen
    assert (seen.state, seen.room_wanted_at) == (TaskState.QUEUED, NOON)
    later = NOON + timedelta(minutes=3)
    assert await store.queue.claim(ROOMY, later, 500) is None
    begun = await store.queue.claim(ROOMY, later, 900)
    assert begun
    assert (begun.id, begun.room_wanted_at) == (huge.id, None)
    passed = await store.queue.claim(ROOMY, later, 100)
    assert passed
    assert passed.id == small[1].id


async def test_far_more_than_fifty_small_clips_have_room(tmp_path: Path) -> None:
    """In 20 GB, hundreds of small clips are prepared; one of unknown size reserves the maximum until it is known."""
    workspaces = Workspaces(tmp_path / "tasks", max_bytes=20 * GIGABYTE)
    opened = 0
    while workspaces.estimate_bytes(SMALL) <= await workspaces.free_bytes():
        opened += 1
        await workspaces.create(opened, workspaces.estimate_bytes(SMALL))
    assert opened > 400
    for task_id in range(1, 31):
        await workspaces.remove(task_id)
    before = await workspaces.free_bytes()
    await workspaces.create(9999, workspaces.estimate_bytes(0))
    assert before - await workspaces.free_bytes() == workspaces.estimate_bytes(200_000_000)
    await workspaces.set_clip_size(9999, SMALL)
    assert before - await workspaces.free_bytes() == workspaces.estimate_bytes(SMALL)


async def test_free_failures_are_bounded(store: Store) -> None:
    """After so many unusable videos in an hour, a member is refused everywhere until the oldest is an hour old."""
    operator_limits = ROOMY.model_copy(update={"free_failures": 3})

    def case(guild: int, minutes: int) -> SubmissionCheck:
        return a_case(an_order(guild_id=guild), NOON + timedelta(minutes=minutes), operator_limits=operator_limits)

    for number in range(3):
        now = NOON + timedelta(minutes=number)
        order = an_order(guild_id=30 + number)
        task = await store.tasks.create(order, a_place(1 + number), now, case(30 + number, number))
        await store.tasks.transition(task, TaskState.FAILED, now)
    at = NOON + timedelta(minutes=5)
    for guild in (30, 44):
        with pytest.raises(RequestRefused, match="3 of your videos could not be used") as raised:
            await store.tasks.create(an_order(guild_id=guild), a_place(50), at, case(guild, 5))
        assert raised.value.allowed_at == NOON + timedelta(hours=1)
    at = NOON + timedelta(hours=1)
    await store.tasks.create(an_order(guild_id=44), a_place(60), at, case(44, 60))
    other = an_order(user_id=5)
    await store.tasks.create(other, a_place(61), NOON, a_case(other, operator_limits=operator_limits))


async def test_a_failure_before_payment_is_its_members_alone(stage: Harness) -> None:
    """An unusable video leaves nothing in public; the seventh in an hour is refused with the time of the next try."""
    async with stage.bot(USER_FREE_FAILURES="2"):
        for _ in range(2):
            reply = await stage.extend(stage.ana, stage.clips.one_second)
            ended = await stage.until(stage.ana, reply, "Failed")
            assert ended["ephemeral"]
            assert "Nothing was billed." in text_of(ended)
        answer = await refused(stage, stage.ana, "2 of your videos could not be used in the last hour")
        assert "You can try again <t:" in text_of(answer)
        fine = await stage.extend(stage.ben, stage.clips.plain, seconds=2)
        await stage.until(stage.ben, fine, "Finished")
    assert [each["id"] for each in await stage.mia.messages("videos")] == [fine["id"]]
    assert len(stage.fox.payments) == 1


@pytest.mark.parametrize("people", ["one member", "all members"])
async def test_links_that_do_not_answer_delay_nobody_elsewhere(stage: Harness, clips: Clips, people: str) -> None:
    """While twenty slow links are downloading, a member elsewhere (in direct messages) gets a video as usual."""
    asked = asyncio.Event()

    async def trickle(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        asked.set()
        while True:
            await answer.write(b"\0" * 10)
            await asyncio.sleep(0.2)

    slow = [stage.ana] if people == "one member" else [stage.ana, stage.ben]
    async with web_server(trickle) as host:
        hosts = f"{stage.environment()['TRUSTED_MEDIA_HOSTS']},{host}"
        async with stage.bot(TRUSTED_MEDIA_HOSTS=hosts, MAX_RUNNING="2"):
            channel = await stage.ana.channel("videos")
            for number in range(20):
                link = f"http://{host}/{number}.mp4"
                await slow[number % len(slow)].command("extend", channel, prompt="go on", link=link)
            async with asyncio.timeout(10):
                await asked.wait()
            elsewhere = stage.discord.world.open_dm(stage.mia.id).id
            upload = await stage.mia.upload(tiny(clips))
            await stage.mia.command("extend", elsewhere, prompt="go on", video=upload, seconds=2)
            await stage.mia.wait_message(lambda it: title_of(it) == "Finished", 30)
    assert len(stage.fox.payments) == 1


async def test_a_full_disk_is_waited_for(stage: Harness, clips: Clips) -> None:
    """With space for one clip of unknown size, the next link waits, says so, and starts when the first is done."""
    film, held = tiny(clips).read_bytes(), asyncio.Event()

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/held.mp4":
            await held.wait()
        return web.Response(body=film, content_type="video/mp4")

    async with web_server(serve) as host:
        hosts = f"{stage.environment()['TRUSTED_MEDIA_HOSTS']},{host}"
        async with stage.bot(Timeouts(queue_scan=0.2), TRUSTED_MEDIA_HOSTS=hosts, MAX_DISK_GB="1"):
            channel = await stage.ana.channel("videos")
            first = await stage.ana.command("extend", channel, prompt="a", link=f"http://{host}/held.mp4", seconds=2)
            await stage.ana.wait_message(lambda it: title_of(it) == "Preparing the clip")
            await stage.ben.command("extend", channel, prompt="b", link=f"http://{host}/b.mp4", seconds=2)
            waiting = await stage.ben.wait_message(lambda it: title_of(it) == "Waiting for disk space")
            assert "when there is space" in text_of(waiting)
            known = await stage.extend(stage.mia, tiny(clips), seconds=2)
            await stage.until(stage.mia, known, "Finished")
            held.set()
            await stage.until(stage.ben, waiting, "Finished")
            await stage.ana.wait_message(
                lambda it: it.get("interaction_metadata", {}).get("id") == first and title_of(it) == "Finished"
            )
    assert len(stage.fox.faults.matching("POST", CREATE)) == 3


async def test_a_prepared_task_waits_for_a_running_slot(stage: Harness, clips: Clips) -> None:
    """With one slot, the next task is prepared, shows its queue position, and is paid for when the slot is free."""
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(MAX_RUNNING="1"):
        first = await stage.extend(stage.ana, tiny(clips), seconds=2)
        await held.reached.wait()
        second = await stage.extend(stage.ben, tiny(clips), seconds=2)
        await stage.ben.wait_message(lambda it: it["id"] == second["id"] and "Next in the queue" in text_of(it))
        async with asyncio.timeout(10):
            while stage.database.sql("SELECT count(*) FROM tasks WHERE prepared_at IS NOT NULL") != [(2,)]:
                await asyncio.sleep(0.02)
        assert len(stage.fox.payments) == 1
        held.release.set()
        await stage.until(stage.ana, first, "Finished")
        await stage.until(stage.ben, second, "Finished")
    assert len(stage.fox.payments) == 2
