"""Gateways are replaced under load, as every rolling update does it: the new one connects before the old one stops."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.sandbox.bot_process import BotProcess
from tests.support.crash_points import until
from tests.support.fast_timeouts import DONE, tiny
from tests.support.harness import CREATE, Harness, Json, title_of
from tests.support.member import Member

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
COUNT = int(os.environ.get("OVERLAP_COMMANDS", "24"))
"""How many times /extend is used."""
REPLACEMENTS = 2
AT_ONCE = 4
CALLBACK = r"/interactions/(\d+)/[^/]+/callback$"
GATEWAY = ("gateway", "--shards", "0/1")
ROOM = {"SERVER_MAX_WAITING": "1000"}


class Load:
    """Members who use /extend, some at a time."""

    def __init__(self, stage: Harness, clip: Path) -> None:
        self._stage, self._clip = stage, clip
        self.asked: list[tuple[Member, str]] = []
        """Each command's member and interaction."""

    async def run(self, count: int) -> None:
        """Give `count` commands; nobody gives the next one before the reply to the last one is there."""
        people, numbers = [self._stage.ana, self._stage.ben, self._stage.mia], iter(range(count))
        await asyncio.gather(*(self._use_extend(people[each % len(people)], numbers) for each in range(AT_ONCE)))

    async def _use_extend(self, who: Member, numbers: Iterator[int]) -> None:
        channel = await who.channel("videos")
        for _ in numbers:
            upload = await who.upload(self._clip)
            asked = await who.command("extend", channel, prompt="the sun comes out", video=upload, seconds=2)
            self.asked.append((who, asked))
            await who.wait_message(lambda it, asked=asked: is_reply(it, asked))  # type: ignore[misc]


def is_reply(message: Json, asked: str) -> bool:
    """Whether the message is the reply to that interaction."""
    return bool(message.get("interaction_metadata", {}).get("id") == asked)


async def replace_gateway(stack: AsyncExitStack, stage: Harness, load: Load, old: BotProcess) -> BotProcess:
    """Start another gateway, and stop the old one as an update does, in the middle of a share of the commands."""
    new, count = await stack.enter_async_context(stage.process(*GATEWAY, **ROOM)), COUNT // REPLACEMENTS
    await new.start()
    await until(lambda: len(stage.discord.gateway.shards) == 2)
    middle = len(load.asked) + count // 2
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run(count))
        await until(lambda: len(load.asked) >= middle)
        await old.stop()
    return new


def count_refused(stage: Harness) -> int:
    """Count the first responses that Discord refused because the other gateway had answered."""
    return sum(each.status == 400 for each in stage.discord.faults.matching("POST", CALLBACK))


async def test_each_command_is_answered_and_paid_once(stage: Harness) -> None:
    """However often gateways are replaced, each command has one reply, which is never deleted, and is paid once."""
    load = Load(stage, tiny(stage.clips))
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(stage.process("worker", **ROOM))
        gateway = await stack.enter_async_context(stage.process(*GATEWAY, **ROOM))
        await worker.start()
        await gateway.start()
        await until(lambda: stage.discord.gateway.shards == [0])
        for _ in range(REPLACEMENTS):
            gateway = await replace_gateway(stack, stage, load, gateway)
        for who, asked in load.asked:
            await who.wait_message(lambda it, asked=asked: is_reply(it, asked) and title_of(it) == DONE, 60)  # type: ignore[misc]

    assert count_refused(stage) > 0  # both gateways got some of the commands
    calls = stage.discord.faults.calls
    answered = Counter(
        match[1] for each in calls if (match := re.search(CALLBACK, each.path)) and each.status in {200, 204}
    )
    assert answered == Counter(asked for _, asked in load.asked)
    assert not [each for each in calls if each.method == "DELETE"]
    assert len(stage.fox.faults.matching("POST", CREATE)) == len(stage.fox.payments) == COUNT
    assert stage.database.sql("SELECT count(*) FROM tasks") == [(COUNT,)]
