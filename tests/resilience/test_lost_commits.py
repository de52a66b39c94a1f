"""A commit succeeded although its answer was lost: what was stored is found again, not denied and not repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clips import Clips
from tests.support.crash_points import within
from tests.support.fast_timeouts import DONE, STEADY, posts, tiny
from tests.support.harness import Harness, text_of
from tests.support.lossy_proxy import LossyProxy
from tests.support.moderation import use

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


async def test_a_grant_that_was_not_confirmed(stage: Harness) -> None:
    """The moderator reads that it is unknown and where to look, so that nobody grants the same runs twice."""
    async with LossyProxy(stage.database.url) as proxy, stage.bot(None, DATABASE_URL=proxy.url, **STEADY):
        proxy.lose_commit_after("INSERT INTO members")
        answer = await use(stage.mia, "limits grant", member=stage.ana.id, runs=3)
        assert "unknown whether the runs were granted" in text_of(answer)
        assert proxy.lost.is_set()
        assert f"Extra runs: <@{stage.ana.id}> 3" in text_of(await use(stage.mia, "limits show"))
