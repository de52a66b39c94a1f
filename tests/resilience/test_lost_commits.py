"""A commit succeeded although its answer was lost: what was stored is found again, not denied and not repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clips import Clips
from tests.support.crash_points import within
from tests.support.fast_timeouts import DONE, STEADY, posts, tiny
from tests.support.harness import Harness
from tests.support.lossy_proxy import LossyProxy

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


async def test_a_request_whose_commit_was_not_confirmed(stage: Harness, clip: Path) -> None:
    """The member is not told that nothing was started: the task runs once, in the same reply."""
    async with LossyProxy(stage.database.url) as proxy, stage.bot(None, DATABASE_URL=proxy.url, **STEADY):
        proxy.lose_commit_after("INSERT INTO tasks")
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(proxy.lost)
        await stage.until(stage.ana, reply, DONE)
    assert posts(stage) == len(stage.fox.payments) == 1
    assert stage.database.sql("SELECT count(*) FROM tasks") == [(1,)]


async def test_a_write_of_sending_that_was_not_confirmed(stage: Harness, clip: Path) -> None:
    """Nothing was sent before the answer came, so the task is not unclear: it is sent once, later."""
    async with LossyProxy(stage.database.url) as proxy, stage.bot(None, DATABASE_URL=proxy.url, **STEADY):
        proxy.lose_commit_after("SET state=$1::VARCHAR, not_before")
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(proxy.lost)
        await stage.until(stage.ana, reply, DONE)
    assert posts(stage) == len(stage.fox.payments) == 1
