"""/quota, refusals by a limit, /privacy, and the server's log."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bot.sandbox.faults import Answer
from bot.sandbox.foxapi.quirks import Failure, Quirks
from cogs.limits.text import format_usage
from tests.support.crash_points import until
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.moderation import refused, spend, use
from tests.support.world import find_channel, invite_bot


@pytest.fixture(autouse=True)
def defaults(stage: Harness) -> None:
    """Give a new server the default limits of the settings in this module."""
    stage.limits.clear()


async def wait_for_log_lines(stage: Harness, count: int, channel: str = "moderators") -> list[str]:
    """Wait until the log channel has that many lines, and return them."""

    def lines() -> list[str]:
        found = [it for it in stage.mia.seen.values() if it["channel_id"] == channel_id]
        return [line for it in sorted(found, key=lambda each: int(each["id"])) for line in it["content"].split("\n")]

    channel_id = await stage.mia.channel(channel)
    await stage.mia.wait_message(lambda _: len(lines()) >= count)
    return lines()


async def test_quota_shows_what_is_left_and_when_it_renews(stage: Harness) -> None:
    """/quota shows the remaining tasks, when the next one is available, and why none can be started now."""
    async with stage.bot():
        await use(stage.mia, "limits set", user_per_day=2, max_seconds=5)
        quota = await use(stage.ana, "quota")
        assert "**2 left**" in text_of(quota)
        assert "at most 5 s" in text_of(quota)
        assert "<t:" not in text_of(quota)
        for left in (1, 0):
            await spend(stage, stage.ana)
            quota = await use(stage.ana, "quota")
            assert f"**{left} left**" in text_of(quota)
            assert re.search(r"becomes available <t:\d+:R>", text_of(quota))
        assert "**Not now.**" in text_of(quota)
        stage.clock.advance(24 * 3600 + 1)
        assert "**2 left**" in text_of(await use(stage.ana, "quota"))


async def test_a_refusal_names_the_limit_and_the_time(stage: Harness) -> None:
    """Each numeric limit refuses in one private sentence; a refusal with a time is right about it."""
    async with stage.bot():
        await use(stage.mia, "limits set", max_seconds=3)
        await refused(stage, stage.ana, "3", seconds=6)
        await use(stage.mia, "limits set", max_seconds=0, cooldown=600)
        await spend(stage, stage.ana)
        answer = await refused(stage, stage.ana, "<t:")
        moment = re.search(r"<t:(\d+):R>", text_of(answer))
        assert moment
        stage.clock.advance(int(moment[1]) - stage.clock.now() + 1)
        await spend(stage, stage.ana)


async def test_the_log_has_one_line_per_task(stage: Harness) -> None:
    """Each finished, failed or refused task gets a line with member, prompt, outcome and link; nobody is pinged."""
    async with stage.bot():
        await use(stage.mia, "limits log", channel=await stage.mia.channel("moderators"))
        done = await stage.extend(stage.ana, stage.clips.plain, "**@everyone** dance", seconds=2)
        await stage.until(stage.ana, done, "Finished")
        await wait_for_log_lines(stage, 2)
        stage.fox.next_quirks = Quirks(failure=Failure("content_policy_violation", "no"))
        failed = await stage.extend(stage.ben, stage.clips.plain, seconds=2)
        await stage.until(stage.ben, failed, "Failed")
        await wait_for_log_lines(stage, 3)
        await use(stage.mia, "limits block", member=stage.ben.id)
        await refused(stage, stage.ben, "block", prompt="let me in")
        lines = await wait_for_log_lines(stage, 5)
    assert len(lines) == 5
    change, finish, failure, block, refusal = lines
    assert change.startswith(f"⚙️ <@{stage.mia.id}> changed log channel: none →")
    assert finish.startswith(f"✅ <@{stage.ana.id}> · 2 s · “\\*\\*@everyone\\*\\* dance” · finished, 0:05")
    assert done["id"] in finish
    assert failure.startswith(f"❌ <@{stage.ben.id}>")
    assert "moderation refused" in failure
    assert block == f"⚙️ <@{stage.mia.id}> blocked <@{stage.ben.id}>"
    assert refusal.startswith(f"⛔ <@{stage.ben.id}>")
    assert "“let me in” · refused:" in refusal
    posts = [it for it in stage.mia.seen.values() if it["content"].startswith(("✅", "❌", "⛔", "⚙️"))]
    assert not any(it["pinged"] or it["mentions"] for it in posts)


async def test_changes_are_logged_with_moderator_and_values(stage: Harness) -> None:
    """The log shows the old and the new value of each changed limit, and that the log was turned off."""
    async with stage.bot():
        channel = await stage.mia.channel("moderators")
        assert "Every member can read" not in text_of(await use(stage.mia, "limits log", channel=channel))
        await use(stage.mia, "limits set", user_per_day=4, cooldown=90)
        await use(stage.mia, "limits grant", member=stage.ana.id, runs=2)
        assert f"The log goes to <#{channel}>" in text_of(await use(stage.mia, "limits log"))
        await use(stage.mia, "limits log", off=True)
        assert "There is no log" in text_of(await use(stage.mia, "limits log"))
        await use(stage.mia, "limits set", user_per_day=5)
        lines = await wait_for_log_lines(stage, 4)
        await asyncio.sleep(0.2)
        assert await wait_for_log_lines(stage, 4) == lines
    assert "a member's tasks in 24 hours: 10 → 4; seconds between a member's tasks: no wait → 90 s" in lines[1]
    assert lines[2] == f"⚙️ <@{stage.mia.id}> granted <@{stage.ana.id}> 2 extra runs"
    assert "→ none" in lines[3]


async def test_a_deleted_log_channel_does_not_disturb_tasks(stage: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Tasks continue without their log channel, and the failure is logged once."""
    channel = stage.discord.world.add_channel(stage.discord.world.guild, "log")
    async with stage.bot():
        await use(stage.mia, "limits log", channel=channel.id)
        stage.discord.world.remove_channel(channel.id)
        for _ in range(2):
            await spend(stage, stage.ana)
        await asyncio.sleep(0.2)
    assert sum("could not post to log channel" in record.getMessage() for record in caplog.records) == 1


async def test_a_log_channel_that_refuses_is_asked_rarely(stage: Harness) -> None:
    """A refused post is not repeated at once; choosing the channel again posts the lines that have waited, in order."""
    channel = await stage.mia.channel("moderators")
    post, refused = rf"/channels/{channel}/messages$", Answer(403, '{"message": "Missing Access", "code": 50001}')
    async with stage.bot():
        await use(stage.mia, "limits log", channel=channel)
        await wait_for_log_lines(stage, 1)
        before = len(stage.discord.faults.matching("POST", post))
        stage.discord.faults.add("POST", post, refused, times=None)
        for runs in (1, 2, 3):
            await use(stage.mia, "limits grant", member=stage.ana.id, runs=runs)
        await stage.discord.faults.wait("POST", post, count=before + 1)
        await use(stage.mia, "limits grant", member=stage.ana.id, runs=4)
        assert len(stage.discord.faults.matching("POST", post)) == before + 1
        stage.discord.faults.clear()
        await use(stage.mia, "limits log", channel=await stage.mia.channel("general"))
        await use(stage.mia, "limits log", channel=channel)
        lines = await wait_for_log_lines(stage, 6)
    granted = [line for line in lines if "granted" in line]
    assert [line.rpartition("> ")[2] for line in granted] == [
        "1 extra run",
        *(f"{runs} extra runs" for runs in (2, 3, 4)),
    ]


async def test_a_refusal_is_remembered_over_a_restart(stage: Harness) -> None:
    """A channel that refused a post is not tried by the next process before its time, and then gets the new lines."""
    channel = await stage.mia.channel("moderators")
    post, refused = rf"/channels/{channel}/messages$", Answer(403, '{"message": "Missing Access", "code": 50001}')
    async with stage.bot():
        await use(stage.mia, "limits log", channel=channel)
        await wait_for_log_lines(stage, 1)
        stage.discord.faults.add("POST", post, refused, times=None)
        await use(stage.mia, "limits grant", member=stage.ana.id, runs=1)
        await until(lambda: bool(stage.database.sql("SELECT 1 FROM notes WHERE name LIKE 'log channel%'")))
    stage.discord.faults.clear()
    tried = len(stage.discord.faults.matching("POST", post))
    async with stage.bot() as bot:
        await use(stage.mia, "limits grant", member=stage.ana.id, runs=2)
        log: Any = bot.get_cog("ModLog")  # discord.py has loaded its module a second time
        await until(lambda: int(channel) in log._refusing)
        assert len(stage.discord.faults.matching("POST", post)) == tried
    stage.clock.advance(61)
    async with stage.bot():
        await use(stage.mia, "limits grant", member=stage.ana.id, runs=3)
        lines = await wait_for_log_lines(stage, 2)
    assert "3 extra runs" in lines[-1]
    assert stage.database.sql("SELECT 1 FROM notes WHERE name LIKE 'log channel%'") == []


async def test_a_log_channel_must_be_writable(stage: Harness) -> None:
    """A log channel where the bot cannot write is refused with a sentence that says what to do."""
    world = stage.discord.world
    hidden = find_channel(world, "moderators")
    hidden.overwrites = hidden.overwrites[:2]
    async with stage.bot():
        answer = await use(stage.mia, "limits log", channel=hidden.id)
    assert "I cannot write in" in text_of(answer)


async def test_privacy_shows_and_deletes_data_after_one_confirmation(stage: Harness) -> None:
    """/privacy shows the stored data; after one confirmation the member's tasks are deleted and others' are kept."""
    async with stage.bot():
        for who in (stage.ana, stage.ben):
            await stage.until(who, await stage.extend(who, stage.clips.plain, "my secret", seconds=2), "Finished")
        told = await use(stage.ana, "privacy")
        assert "**1** task of yours" in text_of(told)
        assert labels_of(told) == ["Delete my data…"]
    async with stage.bot():
        asked = await press_for_message(stage, told, "Delete my data…")
        assert labels_of(asked) == ["Delete it"]
        await stage.ana.press(asked, "Delete it")
        await stage.ana.wait_message(lambda it: it["id"] == asked["id"] and "Deleted." in text_of(it))
        assert "no tasks yet" in text_of(await use(stage.ana, "tasks"))
        assert "my secret" in text_of(await use(stage.ben, "tasks"))
        assert "**9 left**" in text_of(await use(stage.ana, "quota"))


async def press_for_message(stage: Harness, message: Json, label: str) -> Json:
    """Press a button as Ana, and wait for the new message."""
    known = set(stage.ana.seen)
    await stage.ana.press(message, label)
    return await stage.ana.wait_message(lambda it: it["id"] not in known)


async def test_a_left_server_is_recorded(stage: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Removal and return are recorded, and a server that returns in time keeps its limits."""
    world = stage.discord.world
    caplog.set_level("INFO")
    async with stage.bot() as bot:
        await use(stage.mia, "limits set", user_per_day=3)
        await bot.wait_until_ready()  # earlier, discord.py would treat a new server as one that is back from an outage
        world.remove_bot(world.guild.id)
        await wait_for_log_record(caplog, "left server")
        invite_bot(world, world.guild.id)
        await wait_for_log_record(caplog, "joined server")
        assert (await bot.services.moderation.get_limits(int(world.guild.id))).user_per_day == 3


async def wait_for_log_record(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until a line of the bot's log contains the words."""
    async with asyncio.timeout(5):
        while not any(words in record.getMessage() for record in caplog.records):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("limit", [1, 3, 10, 1000])
def test_the_bar_is_full_only_when_nothing_is_left(limit: int) -> None:
    """With one left the bar has a gap; with any used it has a beginning."""
    shown = {used: str(format_usage(used, limit)) for used in (0, 1, limit - 1, limit, limit + 1)}
    assert "▰" not in shown[0]
    assert "▰" in shown[1]
    assert "▱" in shown[limit - 1]
    assert "▱" not in shown[limit] + shown[limit + 1]
