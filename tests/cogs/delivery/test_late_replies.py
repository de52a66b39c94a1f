"""Delivery after minute 15, after outages of an hour, without reply or channel, and without any result."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.faults import Answer, Lose
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.clips import Clips
from tests.support.crash_points import until
from tests.support.fast_timeouts import (
    DONE,
    EDIT_BY_BOT,
    EDIT_BY_TOKEN,
    FAILED,
    FAST,
    QUERY,
    RESULT,
    STEADY,
    assert_told,
    posts,
    tiny,
)
from tests.support.harness import Harness, Json, percent_of, text_of, title_of
from tests.support.world import find_user

MINUTE, HOUR = 60.0, 3600.0
DEAD_TOKEN = Answer(401, '{"message": "Invalid Webhook Token", "code": 50027}')


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


def reports(percent: int) -> Answer:
    return Answer(200, f'{{"status": "processing", "progress": {percent}}}')


def held(stage: Harness) -> Pause:
    """Pause the next task at FoxAPI until this is released."""
    pause = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=pause)
    return pause


def edits(stage: Harness, way: str) -> int:
    return len(stage.discord.faults.matching("PATCH", way))


# The token's end


async def test_after_minute_15_the_bot_edits_by_itself(stage: Harness, clip: Path) -> None:
    """Progress and result continue in the same message by the bot's own edits; the token is not used."""
    stage.fox.faults.add("GET", QUERY, reports(30), times=None)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and percent_of(it) == 30)
        stage.clock.advance(16 * MINUTE)
        by_token = edits(stage, EDIT_BY_TOKEN)
        stage.fox.faults.clear()
        stage.fox.faults.add("GET", QUERY, reports(60), times=None)
        await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and percent_of(it) == 60)
        stage.fox.faults.clear()
        await stage.until(stage.ana, reply, DONE)
    assert edits(stage, EDIT_BY_TOKEN) == by_token
    await assert_told(stage, reply, DONE, paid=1)


async def test_a_dead_token_is_used_once(stage: Harness, clip: Path) -> None:
    """A token that Discord rejects early is not used again: ten thousand rejections would ban the bot."""
    stage.discord.faults.add("PATCH", EDIT_BY_TOKEN, DEAD_TOKEN, times=None)
    for percent in (20, 40, 60):
        stage.fox.faults.add("GET", QUERY, reports(percent), times=2)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, DONE)
    assert edits(stage, EDIT_BY_TOKEN) == 1
    await assert_told(stage, reply, DONE, paid=1)


# Outages


async def test_an_hour_without_foxapi(stage: Harness, clip: Path) -> None:
    """A result rendered during FoxAPI's outage is delivered when FoxAPI answers again."""
    stage.fox.faults.add("GET", QUERY, Answer(503, "{}"), times=None)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        for _ in range(6):
            await stage.fox.faults.wait("GET", QUERY, count=len(stage.fox.faults.matching("GET", QUERY)) + 1)
            stage.clock.advance(HOUR / 6)
        stage.fox.faults.clear()
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


async def test_an_hour_without_discord(stage: Harness, clip: Path) -> None:
    """A result that cannot be delivered is kept and delivered into the same message when Discord answers again."""
    pause = held(stage)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await pause.reached.wait()
        stage.clock.advance(HOUR)
        stage.discord.faults.add("PATCH", "/api/", Answer(503, "{}"), times=None)
        stage.discord.faults.add("POST", "/api/", Answer(503, "{}"), times=None)
        pause.release.set()
        await stage.fox.faults.wait("GET", RESULT)
        await stage.discord.faults.wait("PATCH", EDIT_BY_BOT, count=edits(stage, EDIT_BY_BOT) + 3)
        stage.discord.faults.clear()
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


# No news


@pytest.mark.parametrize("events", [reports(10), Answer(404, "{}")], ids=["no progress", "unknown task"])
async def test_without_news_the_slot_is_freed(stage: Harness, clip: Path, events: Answer) -> None:
    """The reply says so and the next queued task starts; a result that still arrives is delivered."""
    pause = held(stage)
    async with stage.bot(replace(FAST, no_progress=30, task_unknown=0.4), **STEADY, MAX_RUNNING="1"):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await pause.reached.wait()
        await until(lambda: stage.database.sql("SELECT progress FROM tasks") == [(10,)])
        next_one = await stage.extend(stage.ben, clip, channel="general", seconds=2)
        assert posts(stage) == 1
        stage.fox.faults.add("GET", stage.fox.payments[0].task_id, events, times=None)
        stage.clock.advance(31)
        await stage.ana.wait_message(lambda it: "not reported progress for a long time" in text_of(it))
        await stage.until(stage.ben, next_one, DONE)
        stage.fox.faults.clear()
        pause.release.set()
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=2, requests=2)


@pytest.mark.parametrize(
    "events",
    [reports(10), Answer(404, "{}"), Answer(200, '{"status": "dreaming"}'), Answer(500)],
    ids=["no progress", "unknown task", "unknown status", "errors"],
)
async def test_nothing_is_rendering_for_ever(stage: Harness, clip: Path, events: Answer) -> None:
    """After a day without an outcome the member is told that it may have been billed."""
    stage.fox.faults.add("GET", QUERY, events, times=None)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.fox.faults.wait("GET", QUERY, count=2)
        stage.clock.advance(25 * HOUR)
        await stage.until(stage.ana, reply, FAILED)
    await assert_told(stage, reply, FAILED, paid=1)


# The reply is gone


async def found(stage: Harness, reply: Json) -> Json:
    """Return the message that delivers the result in another place than the reply."""
    return await stage.ana.wait_message(lambda it: it["id"] != reply["id"] and title_of(it) == DONE)


@pytest.mark.parametrize("answer_lost", [False, True])
async def test_a_deleted_reply_is_replaced(stage: Harness, clip: Path, answer_lost: bool) -> None:
    """One new message in the channel notifies the member and nobody else."""
    pause = held(stage)
    if answer_lost:
        stage.discord.faults.add("POST", r"/channels/\d+/messages", Lose())
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, f"hi @everyone <@{stage.ben.id}>", seconds=2)
        await pause.reached.wait()
        world = stage.discord.world
        gone = world.find_message(reply["channel_id"], reply["id"])
        assert gone is not None
        world.remove(gone)
        pause.release.set()
        new = await found(stage, reply)
        await asyncio.sleep(0.2 if answer_lost else 0)
    assert len(new["attachments"]) == 1
    (kept,) = world.messages[reply["channel_id"]].values()
    assert kept.pinged == [stage.ana.id]
    assert len(stage.fox.payments) == 1


@pytest.mark.parametrize("what", ["channel", "server"])
async def test_what_cannot_be_brought_to_the_channel_comes_by_dm(stage: Harness, clip: Path, what: str) -> None:
    """If the channel is deleted, or the bot was removed from the server, the member gets a direct message."""
    pause = held(stage)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await pause.reached.wait()
        lose_the_place(stage, reply, what)
        pause.release.set()
        new = await found(stage, reply)
    assert new["channel_id"] == stage.discord.world.open_dm(stage.ana.id).id
    assert len(new["attachments"]) == 1
    assert len(stage.fox.payments) == 1


async def test_without_any_way_the_result_is_kept(stage: Harness, clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With direct messages closed too, the result stays on disk, over a restart, until a route opens again."""
    pause = held(stage)
    member = find_user(stage.discord.world, "Ana")
    member.dms_open = False
    result = stage.data / "tasks" / "1" / "result.mp4"
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await pause.reached.wait()
        lose_the_place(stage, reply, "channel")
        pause.release.set()
        await stage.discord.faults.wait("POST", r"/channels/\d+/messages", count=4)
    assert "no way to show its outcome" in caplog.text
    assert result.is_file()
    async with stage.bot(FAST, **STEADY):
        member.dms_open = True
        new = await found(stage, reply)
    assert len(new["attachments"]) == 1
    assert not result.exists()
    assert len(stage.fox.payments) == 1


def lose_the_place(stage: Harness, reply: Json, what: str) -> None:
    world = stage.discord.world
    if what == "channel":
        world.remove_channel(reply["channel_id"])
    else:
        stage.clock.advance(16 * MINUTE)
        world.remove_bot(world.guild.id)


# Too large


@pytest.mark.parametrize("told_before", [True, False])
async def test_a_result_too_large_for_discord(stage: Harness, clip: Path, told_before: bool) -> None:
    """FoxAPI's link and its expiry replace the file, also if only the upload shows that it is too large."""
    pause = held(stage)
    guild = stage.discord.world.guild
    guild.upload_limit = 100 if told_before else guild.upload_limit
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await pause.reached.wait()
        guild.upload_limit = 100
        pause.release.set()
        ended = await stage.until(stage.ana, reply, DONE)
    link = text_of(ended).split("[get it from FoxAPI](")[1].split(")")[0]
    assert (await stage.ana.fetch(link))[4:8] == b"ftyp"
    assert "until <t:" in text_of(ended)
    assert ended["attachments"] == []
    await assert_told(stage, reply, DONE, paid=1)


async def test_a_result_that_reaches_nobody_is_not_kept_for_ever(stage: Harness, clip: Path) -> None:
    """It counts with its real size on the disk, and after KEEP_DAYS it is given up and its folder is removed."""
    pause = held(stage)
    find_user(stage.discord.world, "Ana").dms_open = False
    folder = stage.data / "tasks" / "1"
    async with stage.bot(FAST, KEEP_DAYS="2", **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await pause.reached.wait()
        lose_the_place(stage, reply, "channel")
        pause.release.set()
        await stage.discord.faults.wait("POST", r"/channels/\d+/messages", count=4)
        assert (folder / "reserved").read_text() == "0"
        stage.clock.advance(49 * 3600)
        await until(lambda: not folder.exists())
    assert stage.database.sql("SELECT state, billed FROM tasks") == [("failed", "yes")]
    assert len(stage.fox.payments) == 1
