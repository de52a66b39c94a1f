"""Two processes get the same interaction, as while a gateway is replaced: one answers, the other stops in silence."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.client import ExtendBot
from bot.sandbox.faults import Call
from tests.support.buttons import told_privately
from tests.support.clips import Clips
from tests.support.crash_points import until
from tests.support.fast_timeouts import DONE, STEADY, posts, tiny
from tests.support.harness import Harness, text_of
from tests.support.moderation import use

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
CALLBACK = r"/interactions/\d+/[^/]+/callback$"


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


@pytest.fixture
async def bots(stage: Harness) -> AsyncIterator[list[ExtendBot]]:
    """Two bots on the same token, the same shard and the same database."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(stage.bot(None, **STEADY)) for _ in range(2)]


def count_refused(stage: Harness) -> int:
    """Count the first responses that Discord refused, because another process had answered."""
    return len([each for each in stage.discord.faults.matching("POST", CALLBACK) if each.status == 400])


def list_other_requests(stage: Harness) -> list[Call]:
    """List follow-ups, deletions of the placeholder, and reads and edits of the original response."""
    follow_up, original = r"/webhooks/\d+/[^/]+$", r"/webhooks/\d+/[^/]+/messages/@original$"
    return [each for each in stage.discord.faults.calls if re.search(f"{follow_up}|{original}", each.path)]


async def test_a_request_is_stored_and_paid_once(stage: Harness, bots: list[ExtendBot], clip: Path) -> None:
    """One process works on the request; the other neither deletes the reply nor says that nothing was started."""
    assert len(bots) == 2
    reply = await stage.extend(stage.ana, clip, seconds=2)
    await stage.until(stage.ana, reply, DONE)
    await until(lambda: count_refused(stage) == 1)
    assert [each["id"] for each in await stage.ana.messages("videos")] == [reply["id"]]
    assert list_other_requests(stage) == []
    assert stage.database.sql("SELECT count(*) FROM tasks") == [(1,)]
    assert posts(stage) == len(stage.fox.payments) == 1


async def test_every_other_first_response(stage: Harness, bots: list[ExtendBot], clip: Path) -> None:
    """Commands, refusals, buttons and forms: each is answered once, and nothing else is sent for it."""
    assert len(bots) == 2
    reply = await stage.extend(stage.ana, clip, seconds=2)
    done = await stage.until(stage.ana, reply, DONE)
    await until(lambda: count_refused(stage) == 1)
    for number, command in enumerate(("quota", "tasks", "gallery", "privacy"), 2):
        await use(stage.ana, command)
        await until(lambda number=number: count_refused(stage) == number)  # type: ignore[misc]
    await stage.ana.command("extend", await stage.ana.channel("videos"), prompt="rain", link="no link")
    await told_privately(stage.ana, "link")
    await until(lambda: count_refused(stage) == 6)
    await stage.ana.press(done, "Delete")
    asked = await stage.ana.wait_message(lambda it: it["ephemeral"] and "Delete" in str(it["components"]))
    await until(lambda: count_refused(stage) == 7)
    assert text_of(asked)
    others = [(each.method, each.path) for each in list_other_requests(stage)]
    assert len(set(others)) == len(others)
    assert not [path for method, path in others if method == "DELETE"]
