"""Interaction tokens are secrets that are kept only as long as they are needed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.sandbox.discord.state.model import Overwrite
from bot.sandbox.discord.state.permissions import VIEW_CHANNEL
from tests.cogs.tasks.test_delete import delete
from tests.support.buttons import gone
from tests.support.crash_points import until
from tests.support.fast_timeouts import DONE, FAST, STEADY, tiny
from tests.support.harness import Harness, Json
from tests.support.world import find_channel


def token_of(stage: Harness, task_id: int = 1) -> str:
    """Return the token in the task's row."""
    ((place,),) = stage.database.sql(f"SELECT place FROM tasks WHERE id = {task_id}")  # noqa: S608
    token: str = (json.loads(place) if isinstance(place, str) else place)["token"]
    return token


def tokens_used(stage: Harness) -> set[str]:
    """Return the tokens with which the bot has reached its replies."""
    found = (re.search(r"/webhooks/\d+/([^/]+)/", call.path) for call in stage.discord.faults.matching("PATCH", "/"))
    return {match[1] for match in found if match}


async def delivered(stage: Harness, *, private: bool = False) -> Json:
    reply = await stage.extend(stage.ana, tiny(stage.clips), seconds=2, private=private)
    return await stage.recorded(await stage.until(stage.ana, reply, DONE))


async def test_the_token_of_a_reply_that_is_over_is_deleted(stage: Harness) -> None:
    """Once the video is in the reply, the row has no token."""
    async with stage.bot(FAST, **STEADY):
        await delivered(stage)
        await until(lambda: token_of(stage) == "")
        assert tokens_used(stage)


@pytest.mark.only_sqlite
async def test_nothing_of_it_is_left_in_the_files(stage: Harness) -> None:
    """Neither the database nor the files beside it hold the bytes of a deleted token."""
    async with stage.bot(FAST, **STEADY):
        await delivered(stage)
        await until(lambda: token_of(stage) == "")
    files = [file for file in Path(stage.data).rglob("*") if file.is_file()]
    held = [file.name for file in files for token in tokens_used(stage) if token.encode() in file.read_bytes()]
    assert held == []


async def test_a_private_reply_s_token_is_kept_until_its_end(stage: Harness) -> None:
    """An ephemeral reply's token is kept for deleting the reply until the first clean-up after it expires."""
    async with stage.bot(FAST, **STEADY):
        await delivered(stage, private=True)
        assert token_of(stage)
    stage.clock.advance(10 * 60)
    async with stage.bot(FAST, **STEADY):
        await delivered(stage)
    assert token_of(stage)
    stage.clock.advance(6 * 60)
    async with stage.bot(FAST, **STEADY):
        await until(lambda: token_of(stage) == "")


async def test_delete_needs_no_kept_token(stage: Harness) -> None:
    """In a channel that the bot no longer sees, the press on Delete brings the token that deletes the reply."""
    async with stage.bot(FAST, **STEADY):
        done = await delivered(stage)
        await until(lambda: token_of(stage) == "")
        world = stage.discord.world
        find_channel(world, "videos").overwrites = [Overwrite(world.bot.id, 1, deny=VIEW_CHANNEL)]
        await delete(stage.ana, done)
        await gone(stage.ana, done)
