"""Operator settings and Discord's channel types: global limits, allowed servers, age restriction, left servers."""

from __future__ import annotations

import pytest

from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.worker import Timeouts
from tests.support.buttons import DAY, finished, small
from tests.support.crash_points import until
from tests.support.harness import CREATE, Harness, text_of, title_of
from tests.support.moderation import changed, page, refused, spend, use
from tests.support.world import find_channel


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"MAX_PER_DAY": "2"}, "My limit over all servers is 2 videos in 24 hours, and it has been reached."),
        ({"MAX_PER_DAY": "4", "SERVER_SHARE": "50"}, "This server's share is 2 videos in 24 hours"),
    ],
)
async def test_the_operators_daily_limits(stage: Harness, settings: dict[str, str], words: str) -> None:
    """Once the 24-hour limit is reached, members are refused privately and told when they can try again."""
    async with stage.bot(None, **settings):
        await spend(stage, stage.ana)
        await spend(stage, stage.ben)
        answer = await refused(stage, stage.mia, words)
        assert "You can try again <t:" in text_of(answer)
        stage.clock.advance(DAY + 1)
        await spend(stage, stage.mia)
    assert len(stage.fox.payments) == 3


async def test_a_servers_share_of_the_slots_and_its_longest_line(stage: Harness) -> None:
    """A server's half of two slots is one; the next task waits in line, and one beyond the longest line is refused."""
    held = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(MAX_RUNNING="2", SERVER_SHARE="50", MAX_WAITING="1", SERVER_MAX_WAITING="1"):
        running = await stage.extend(stage.ana, small(stage.clips), seconds=2)
        await held.reached.wait()
        waiting = await stage.extend(stage.ben, small(stage.clips), seconds=2)
        await stage.until(stage.ben, waiting, "Queued")
        await refused(stage, stage.mia, "This server's queue is full, with 1 video")
        assert len(stage.fox.faults.matching("POST", CREATE)) == 1
        held.release.set()
        await stage.until(stage.ana, running, "Finished")
        await stage.until(stage.ben, waiting, "Finished")


async def test_only_the_operators_servers_are_served(stage: Harness) -> None:
    """On other servers and in direct messages, /extend is refused in one sentence, and no task is created."""
    here = stage.discord.world.guild.id
    direct = stage.discord.world.open_dm(stage.ana.id).id
    for settings in ({"ALLOWED_SERVERS": "1234"}, {"BLOCKED_SERVERS": here}):
        async with stage.bot(None, **settings):
            await refused(stage, stage.ana, "has not enabled it on this server")
    async with stage.bot(ALLOWED_SERVERS=f"1234,{here}"):
        await refused(stage, stage.ana, "I do not work in direct messages", channel=direct)
        await spend(stage, stage.ana)


async def test_only_in_age_restricted_channels(stage: Harness) -> None:
    """When the panel restricts tasks to age-restricted channels, members are refused elsewhere and served there."""
    async with stage.bot():
        panel = await page(stage.mia, await use(stage.mia, "limits show"), "channels", "limits:age")
        await stage.mia.press(panel, "limits:age")
        await changed(stage.mia, panel, "for moderators and exempt roles")
        await refused(stage, stage.ana, "only be used in age-restricted channels")
        world = stage.discord.world
        find_channel(world, "videos").nsfw = True
    async with stage.bot():  # the new session receives the changed channel, as it would receive an update
        await finished(stage)


async def test_the_data_of_a_left_server_is_deleted(stage: Harness) -> None:
    """After the bot leaves a server, its data is deleted after LEFT_SERVER_DAYS; tasks of direct messages are kept."""
    world = stage.discord.world
    async with stage.bot(Timeouts(retention=0.1), LEFT_SERVER_DAYS="30") as bot:
        await use(stage.mia, "limits set", user_per_day=3)
        film = await finished(stage)
        direct = world.open_dm(stage.ana.id).id
        await stage.ana.command("extend", direct, prompt="mine", video=await stage.ana.upload(small(stage.clips)))
        done = await stage.ana.wait_message(lambda it: it["id"] != film["id"] and title_of(it) == "Finished")
        await stage.recorded(done)
        await bot.wait_until_ready()  # earlier, discord.py would treat the removal as an outage
        world.remove_bot(world.guild.id)
        await until(lambda: count_rows(stage, "servers WHERE left_at IS NOT NULL") == 1)
        stage.clock.advance(29 * DAY)
        await until(lambda: not list((stage.data / "kept").iterdir()))  # a retention run has deleted the old films
        assert (count_rows(stage, "tasks"), count_rows(stage, "servers WHERE home > 0")) == (2, 1)
        stage.clock.advance(1.01 * DAY)
        await until(lambda: (count_rows(stage, "tasks"), count_rows(stage, "servers WHERE home > 0")) == (1, 0))
    assert count_rows(stage, "tasks WHERE guild_id IS NULL") == 1


def count_rows(stage: Harness, rows: str) -> int:
    """Count rows with a connection of its own."""
    ((count,),) = stage.database.sql(f"SELECT count(*) FROM {rows}")  # noqa: S608
    return int(count)
