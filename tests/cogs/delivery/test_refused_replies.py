"""What the bot does when Discord refuses a reply: filters, upload limits, threads, server errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest
from aiohttp import ClientResponse, ClientSession

from bot.client import ExtendBot, Failure, classify
from bot.sandbox.discord.state.model import Guild
from bot.sandbox.faults import Answer
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.clips import Clips
from tests.support.crash_points import until, within
from tests.support.fast_timeouts import DONE, EDIT_BY_BOT, EDIT_BY_TOKEN, FAST, STEADY, assert_told, posts, tiny
from tests.support.harness import Harness, labels_of, text_of, title_of
from tests.support.world import find_channel

BROKEN = Answer(503, '{"message": "Service Unavailable", "code": 0}')


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


def held(stage: Harness) -> Pause:
    """Pause the next task at FoxAPI until this is released."""
    pause = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=pause)
    return pause


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        (413, 0, Failure.TOO_LARGE),
        (413, 40005, Failure.TOO_LARGE),
        (400, 50045, Failure.TOO_LARGE),
        (400, 400001, Failure.UPLOADS_LIMITED),
        (403, 400001, Failure.UPLOADS_LIMITED),
        (400, 200000, Failure.FILTERED),
        (403, 240000, Failure.FILTERED),
        (400, 200001, Failure.TITLE_FILTERED),
        (400, 50083, Failure.ARCHIVED),
        (403, 160005, Failure.FORBIDDEN),
        (400, 20009, Failure.FORBIDDEN),
        (400, 40004, Failure.UNAVAILABLE),
        (403, 40333, Failure.UNAVAILABLE),
        (403, 40062, Failure.UNAVAILABLE),
        (400, 130000, Failure.UNAVAILABLE),
        (400, 50035, Failure.REJECTED),
        (404, 10008, Failure.GONE),
        (401, 50027, Failure.FORBIDDEN),
        (500, 0, Failure.UNAVAILABLE),
        (429, 0, Failure.UNAVAILABLE),
    ],
)
def test_the_code_decides_what_an_error_means(status: int, code: int, failure: Failure) -> None:
    """A code that says what is wrong counts more than the HTTP status, which differs from case to case."""
    response = object.__new__(ClientResponse)
    response.status, response.reason = status, "refused"
    assert classify(discord.HTTPException(response, {"code": code, "message": "no"})) is failure


async def test_a_request_at_the_end_of_the_bot_is_a_failed_request() -> None:
    """A request that begins after the session was closed is expected at a stop, and not an error of the program."""
    session = ClientSession()
    await session.close()
    with pytest.raises(RuntimeError) as raised:
        await session.get("http://127.0.0.1:9/")
    assert classify(raised.value) is Failure.UNAVAILABLE
    assert classify(RuntimeError("something else")) is None


async def test_a_filtered_prompt_is_left_out(stage: Harness, clip: Path) -> None:
    """AutoMod refuses the prompt: progress and video are shown in the same reply without it, and paid once."""
    stage.discord.world.guild.blocked_words = ("forbidden",)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, prompt="a forbidden word", seconds=2)
        done = await stage.until(stage.ana, reply, DONE)
    assert "filter of this server" in text_of(done)
    assert "forbidden" not in text_of(done)
    assert [(each["filename"], each.get("description")) for each in done["attachments"]] == [("film-1.mp4", None)]
    await assert_told(stage, reply, DONE, paid=1)


def _block_words(guild: Guild) -> None:
    guild.blocked_words = ("forbidden", "filter")


async def test_nothing_is_paid_while_the_reply_is_refused(stage: Harness, clip: Path) -> None:
    """If even the reply without the prompt is refused, the task waits; it is paid once the reply is accepted."""
    _block_words(stage.discord.world.guild)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, prompt="a forbidden word", seconds=2)
        await until(lambda: stage.database.sql("SELECT state FROM tasks") == [("sending",)])
        refused = len(stage.discord.faults.matching("PATCH", EDIT_BY_TOKEN))
        await stage.discord.faults.wait("PATCH", EDIT_BY_TOKEN, count=refused + 4)
        assert posts(stage) == 0
        stage.discord.world.guild.blocked_words = ()
        await stage.until(stage.ana, reply, DONE)
    await assert_told(stage, reply, DONE, paid=1)


async def test_a_reply_that_stays_refused_fails_for_free(stage: Harness, clip: Path) -> None:
    """After two minutes without an accepted reply, the task fails unpaid, and a direct message says why."""
    _block_words(stage.discord.world.guild)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, prompt="a forbidden word", seconds=2)
        await until(lambda: stage.database.sql("SELECT state FROM tasks") == [("sending",)])
        stage.clock.advance(121)
        told = await stage.ana.wait_message(lambda it: "blocks the bot's message" in text_of(it))
    assert stage.discord.world.channels[told["channel_id"]].dm
    assert told["id"] != reply["id"]
    assert posts(stage) == 0


async def test_a_blocked_link_is_left_out(stage: Harness, clip: Path) -> None:
    """The link filter refuses the card with FoxAPI's link: the reply says to use /tasks, which has it."""
    pause = held(stage)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(pause.reached)
        stage.discord.world.guild.blocks_links = stage.discord.world.guild.blocks_uploads = True
        pause.release.set()
        done = await stage.until(stage.ana, reply, DONE)
    assert "http" not in text_of(done)
    assert "/tasks" in text_of(done)


async def test_limited_uploads_give_a_link(stage: Harness, clip: Path) -> None:
    """The server takes no files: the same reply has FoxAPI's link instead of the video."""
    stage.discord.world.guild.blocks_uploads = True
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        done = await stage.until(stage.ana, reply, DONE)
    assert done["id"] == reply["id"]
    assert not done["attachments"]
    assert "get it from FoxAPI" in text_of(done)
    await assert_told(stage, reply, DONE, paid=1)


async def test_passing_codes_are_waited_out(stage: Harness, clip: Path) -> None:
    """Codes that stand for a passing state do not close a route, whatever their status."""
    for code in (40004, 40333, 40062, 130000):
        body = f'{{"message": "later", "code": {code}}}'
        stage.discord.faults.add("PATCH", EDIT_BY_TOKEN, Answer(403, body), times=1)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, reply, DONE)
    assert not stage.discord.faults.matching("PATCH", EDIT_BY_BOT)
    await assert_told(stage, reply, DONE, paid=1)


async def test_an_edit_that_fails_for_minutes_becomes_a_new_message(stage: Harness, clip: Path) -> None:
    """Edits answer 500 for minutes: the video is posted in a new message, and the old one links to it when it can."""
    pause = held(stage)
    async with stage.bot(FAST, **STEADY) as bot:
        _shorten_gaps(bot)
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(pause.reached)
        stage.clock.advance(16 * 60)  # discord.py repeats a failed edit by token for half a minute
        stage.discord.faults.add("PATCH", EDIT_BY_BOT, BROKEN, times=None)
        tried = len(stage.discord.faults.matching("PATCH", EDIT_BY_BOT))
        pause.release.set()
        await stage.discord.faults.wait("PATCH", EDIT_BY_BOT, count=tried + 3)
        stage.clock.advance(181)
        done = await stage.ana.wait_message(lambda it: it["id"] != reply["id"] and title_of(it) == DONE)
        assert [each["filename"] for each in done["attachments"]] == ["tiny_the-sun-comes-out.mp4"]
        stage.discord.faults.clear()
        old = await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and "another message" in text_of(it))
    assert done["id"] in text_of(old)
    assert labels_of(old) == []
    assert len(stage.fox.payments) == 1


def _shorten_gaps(bot: ExtendBot) -> None:
    updater: Any = bot.get_cog("ReplyUpdater")  # discord.py has loaded its module a second time
    updater.old_replies.gaps = (0.2,) * 50


async def test_a_reply_in_an_archived_thread_is_edited(stage: Harness, clip: Path) -> None:
    """The thread was archived meanwhile: the bot opens it, and the reply in it gets the video."""
    world, pause = stage.discord.world, held(stage)
    thread = world.add_thread(find_channel(world, "videos"), world.ids.next(), "cuts", str(stage.ana.id), [])
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2, channel="cuts")
        await within(pause.reached)
        thread.archived = True
        pause.release.set()
        done = await stage.until(stage.ana, reply, DONE)
    assert done["channel_id"] == thread.id
    assert not thread.archived
    assert len(stage.fox.payments) == 1


async def test_a_reply_in_a_locked_thread_becomes_a_direct_message(stage: Harness, clip: Path) -> None:
    """The thread was locked meanwhile: the video comes as a direct message."""
    world, pause = stage.discord.world, held(stage)
    thread = world.add_thread(find_channel(world, "videos"), world.ids.next(), "cuts", str(stage.ana.id), [])
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2, channel="cuts")
        await within(pause.reached)
        thread.archived = thread.locked = True
        pause.release.set()
        done = await stage.ana.wait_message(lambda it: it["id"] != reply["id"] and title_of(it) == DONE)
    assert world.channels[done["channel_id"]].dm
    assert [each["filename"] for each in done["attachments"]] == ["tiny_the-sun-comes-out.mp4"]


async def test_nothing_is_started_in_a_locked_thread(stage: Harness, clip: Path) -> None:
    """In a locked thread whose messages the bot could not edit, /extend says so and pays nothing."""
    world = stage.discord.world
    thread = world.add_thread(find_channel(world, "videos"), world.ids.next(), "cuts", str(stage.ana.id), [])
    thread.locked = True
    async with stage.bot(FAST, **STEADY):
        await stage.extend(stage.ana, clip, seconds=2, channel="cuts")
        await stage.ana.wait_message(lambda it: "thread is locked" in text_of(it))
    assert posts(stage) == 0
