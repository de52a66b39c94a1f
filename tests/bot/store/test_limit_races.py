"""A hundred simultaneous commands against each limit: exactly the allowed number passes, every time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bot.domain.errors import RequestRefused
from bot.domain.events import EventQueue
from bot.domain.limits import GuildLimits, OperatorLimits
from bot.domain.task import Task, TaskState
from bot.services import TaskService
from bot.store import Store
from tests.support.builders import NOON, ROOMY, a_case, a_place, a_requester, an_order
from tests.support.clips import Clips
from tests.support.databases import Database
from tests.support.fast_timeouts import tiny
from tests.support.harness import CREATE, Harness, text_of, title_of
from tests.support.starting import start

MEMBERS, COMMANDS = 20, 100
ROUNDS = {"sqlite": 4, "postgresql": 2}
HELPERS = 901


@dataclass(frozen=True)
class Race:
    """A limit, and how many of a hundred commands pass it, five from each of twenty members."""

    limits: GuildLimits
    passing: int
    """How many of the hundred pass."""
    each: int | None = None
    """How many of each member's five pass, if it is a limit on members."""
    operator_limits: OperatorLimits = ROOMY


RACES = {
    "user_per_day": Race(GuildLimits(user_per_day=3), 60, each=3),
    "server_per_day": Race(GuildLimits(server_per_day=3), 3),
    "user_running": Race(GuildLimits(user_running=2), 40, each=2),
    "cooldown": Race(GuildLimits(cooldown=1), 20, each=1),
    "role_per_day": Race(GuildLimits(user_per_day=1, role_per_day={HELPERS: 2}), 40, each=2),
    "guild_share_percent": Race(
        GuildLimits(), 7, operator_limits=ROOMY.model_copy(update={"max_per_day": 14, "guild_share_percent": 50})
    ),
    "server_waiting": Race(
        GuildLimits(server_running=2), 11, operator_limits=ROOMY.model_copy(update={"server_waiting": 9})
    ),
}
OVER_PROCESSES = ("user_per_day", "guild_share_percent", "server_waiting")
"""A member's limit, the operator's limit and a server's queue."""


@pytest.mark.parametrize("race", RACES.values(), ids=RACES.keys())
async def test_exactly_the_allowed_number_passes(store: Store, race: Race, engine: str) -> None:
    """Of 100 simultaneous commands from 20 members, exactly the allowed number passes, in several rounds."""
    for again in range(ROUNDS[engine]):
        now = NOON + timedelta(days=2 * again)
        service = TaskService(
            store,
            lambda now=now: now,  # type: ignore[misc]
            lambda _: None,
            race.limits,
            race.operator_limits,
            EventQueue(),
        )

        async def command(message: int, again: int = again, service: TaskService = service) -> Task | None:
            who = {"user_id": 1 + message % MEMBERS, "guild_id": 1000 + again}
            requester = a_requester(**who, role_ids=frozenset({HELPERS}))
            try:
                return await service.submit(an_order(**who), a_place(1 + message + again * COMMANDS), requester)
            except RequestRefused:
                return None

        tasks = [task for task in await asyncio.gather(*map(command, range(COMMANDS))) if task]
        assert len(tasks) == race.passing
        if race.each is not None:
            assert Counter(task.order.user_id for task in tasks) == dict.fromkeys(range(1, MEMBERS + 1), race.each)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_exactly_the_allowed_number_passes_over_processes(database: Database) -> None:
    """Of the same hundred commands, split over three processes, exactly the allowed number passes."""
    words = (sys.executable, "-m", "tests.bot.store.race_worker", database.url)
    pipe = asyncio.subprocess.PIPE
    workers = [
        await asyncio.create_subprocess_exec(*words, str(number), "3", stdin=pipe, stdout=pipe) for number in range(3)
    ]
    for each in workers:
        assert each.stdout
        assert await each.stdout.readline() == b"ready\n"
    outputs = await asyncio.gather(*(each.communicate(b"go\n") for each in workers))
    results = [json.loads(output) for output, _ in outputs]
    together = {name: sum(result[name] for result in results) for name in OVER_PROCESSES}
    assert together == {name: RACES[name].passing for name in OVER_PROCESSES}


async def test_no_more_than_server_running_ever_run(store: Store) -> None:
    """With 100 queued tasks, simultaneous claims never fill more than a server's three running slots."""
    for message in range(COMMANDS):
        order = an_order(user_id=1 + message % MEMBERS)
        await store.tasks.create(order, a_place(1 + message), NOON, a_case(order))
    running: dict[int, Task] = {}
    for _ in range(10):
        claimed = await asyncio.gather(*(start(store, OperatorLimits(max_running=50), 3, NOON) for _ in range(10)))
        running |= {task.id: task for task in claimed if task}
        assert len(running) == 3
        ending = running.popitem()[1]
        await store.tasks.transition(ending, TaskState.FAILED, NOON)


async def test_thirty_commands_in_discord(stage: Harness, clips: Clips) -> None:
    """Of thirty simultaneous commands, three are paid for, one at a time; the other members read why not."""
    clip = tiny(clips)
    async with stage.bot(MAX_RUNNING="5") as bot:
        guild = int(stage.discord.world.guild.id)
        await bot.services.moderation.change_limits(
            guild, 1, server_per_day=3, server_running=1, user_running=0, user_per_day=0
        )
        channel = await stage.ana.channel("videos")
        people = [stage.ana, stage.ben, stage.mia]
        uploads = [await who.upload(clip) for who in people for _ in range(10)]
        commands = [
            people[n // 10].command("extend", channel, prompt="go on", video=upload, seconds=2)
            for n, upload in enumerate(uploads)
        ]
        await asyncio.gather(*commands)
        async with asyncio.timeout(30):
            while True:
                at_fox = [each for each in stage.fox.tasks.values() if not each.ended.is_set()]
                assert len(at_fox) <= 1
                seen = [each for who in people for each in who.seen.values()]
                done = {each["id"] for each in seen if each.get("embeds") and title_of(each) == "Finished"}
                told = {each["id"] for each in seen if "limit is 3 videos in 24 hours" in text_of(each)}
                if len(done) == 3 and len(told) == 27:
                    break
                await asyncio.sleep(0.05)
    assert len(stage.fox.payments) == 3
    assert len(stage.fox.faults.matching("POST", CREATE)) == 3
