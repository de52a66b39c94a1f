"""Members: what they have left, why they are refused, what is kept of them, and what the server's log says of it."""

from __future__ import annotations

import asyncio
import re

import pytest

from bot.sandbox.foxapi.quirks import Failure, Quirks
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.moderation import refused, spend, use
from tests.support.world import find_channel, invite_bot


@pytest.fixture(autouse=True)
def defaults(stage: Harness) -> None:
    """Here a new server has the limits that the settings give by default."""
    stage.limits.clear()


async def logged(stage: Harness, count: int, channel: str = "moderators") -> list[str]:
    """The log channel's lines, once there are so many."""

    def lines() -> list[str]:
        found = [it for it in stage.mia.seen.values() if it["channel_id"] == channel_id]
        return [line for it in sorted(found, key=lambda each: int(each["id"])) for line in it["content"].split("\n")]

    channel_id = await stage.mia.channel(channel)
    await stage.mia.wait_message(lambda _: len(lines()) >= count)
    return lines()


async def test_quota_says_what_is_left_and_when_it_renews(stage: Harness) -> None:
    """/quota before, in between and at the end: what is left, when the next one comes back, why not now."""
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
            assert re.search(r"comes back <t:\d+:R>", text_of(quota))
        assert "**Not now.**" in text_of(quota)
        stage.clock.advance(24 * 3600 + 1)
        assert "**2 left**" in text_of(await use(stage.ana, "quota"))


async def test_a_refusal_names_the_limit_and_the_moment(stage: Harness) -> None:
    """Each number refuses in one private sentence; where the moment is known it is told, and then it is allowed."""
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


async def test_the_log_has_one_line_for_each_task(stage: Harness) -> None:
    """Finished, failed and refused tasks: member, prompt, seconds, outcome, jump link; nobody is pinged."""
    async with stage.bot():
        await use(stage.mia, "limits log", channel=await stage.mia.channel("moderators"))
        done = await stage.extend(stage.ana, stage.clips.plain, "**@everyone** dance", seconds=2)
        await stage.until(stage.ana, done, "Finished")
        await logged(stage, 2)
        stage.fox.next_quirks = Quirks(failure=Failure("content_policy_violation", "no"))
        failed = await stage.extend(stage.ben, stage.clips.plain, seconds=2)
        await stage.until(stage.ben, failed, "This did not work")
        await logged(stage, 3)
        await use(stage.mia, "limits block", member=stage.ben.id)
        await refused(stage, stage.ben, "block", prompt="let me in")
        lines = await logged(stage, 5)
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


async def test_changes_are_logged_with_who_and_what(stage: Harness) -> None:
    """From what to what, for each limit that was changed; also the end of the log itself."""
    async with stage.bot():
        await use(stage.mia, "limits log", channel=await stage.mia.channel("moderators"))
        await use(stage.mia, "limits set", user_per_day=4, cooldown=90)
        await use(stage.mia, "limits grant", member=stage.ana.id, runs=2)
        await use(stage.mia, "limits log")
        await use(stage.mia, "limits set", user_per_day=5)
        lines = await logged(stage, 4)
        await asyncio.sleep(0.2)
        assert await logged(stage, 4) == lines
    assert "a member's tasks in 24 hours: 10 → 4; seconds between a member's tasks: no wait → 90 s" in lines[1]
    assert lines[2] == f"⚙️ <@{stage.mia.id}> granted <@{stage.ana.id}> 2 extra runs"
    assert "→ none" in lines[3]


async def test_a_log_channel_that_is_gone_disturbs_nothing(stage: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Tasks go on as ever, and the failure is logged once."""
    channel = stage.discord.world.add_channel(stage.discord.world.guild, "log")
    async with stage.bot():
        await use(stage.mia, "limits log", channel=channel.id)
        stage.discord.world.remove_channel(channel.id)
        for _ in range(2):
            await spend(stage, stage.ana)
        await asyncio.sleep(0.2)
    assert sum("does not take lines" in record.getMessage() for record in caplog.records) == 1


async def test_a_log_channel_must_be_writable(stage: Harness) -> None:
    """A channel in which the bot may not write is refused at once, in words that say what to do."""
    world = stage.discord.world
    hidden = find_channel(world, "moderators")
    hidden.overwrites = hidden.overwrites[:2]
    async with stage.bot():
        answer = await use(stage.mia, "limits log", channel=hidden.id)
    assert "I cannot write in" in text_of(answer)


async def test_privacy_tells_and_deletes_after_asking_once(stage: Harness) -> None:
    """/privacy says what is kept; the button asks once; then the member's tasks are gone, and others' are not."""
    async with stage.bot():
        for who in (stage.ana, stage.ben):
            await stage.until(who, await stage.extend(who, stage.clips.plain, "my secret", seconds=2), "Finished")
        told = await use(stage.ana, "privacy")
        assert "**1** task of yours" in text_of(told)
        assert labels_of(told) == ["Delete my data…"]
    async with stage.bot():
        asked = await pressed(stage, told, "Delete my data…")
        assert labels_of(asked) == ["Delete it"]
        await stage.ana.press(asked, "Delete it")
        await stage.ana.wait_message(lambda it: it["id"] == asked["id"] and "Deleted." in text_of(it))
        assert "no tasks yet" in text_of(await use(stage.ana, "tasks"))
        assert "my secret" in text_of(await use(stage.ben, "tasks"))
        assert "**9 left**" in text_of(await use(stage.ana, "quota"))


async def pressed(stage: Harness, message: Json, label: str) -> Json:
    """Press a button of Ana's, and wait for the new message that comes of it."""
    known = set(stage.ana.seen)
    await stage.ana.press(message, label)
    return await stage.ana.wait_message(lambda it: it["id"] not in known)


async def test_a_server_that_is_left_is_noted(stage: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Removal and return reach the service, and the limits of a server that returns in time are still there."""
    world = stage.discord.world
    caplog.set_level("INFO")
    async with stage.bot() as bot:
        await use(stage.mia, "limits set", user_per_day=3)
        await bot.wait_until_ready()  # before it, discord.py takes a server that is new for one that came back
        world.remove_bot(world.guild.id)
        await until_logged(caplog, "left server")
        invite_bot(world, world.guild.id)
        await until_logged(caplog, "joined server")
        assert (await bot.service.moderation.limits_of(int(world.guild.id))).user_per_day == 3


async def until_logged(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait for a line of the bot's log."""
    async with asyncio.timeout(5):
        while not any(words in record.getMessage() for record in caplog.records):
            await asyncio.sleep(0.02)
