"""Notifications: a member who waited long is notified once, and nobody else ever is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.sandbox.faults import Answer, Hold, Lose
from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks
from tests.support.buttons import MINUTE, finished, small, told_privately
from tests.support.crash_points import POST, until
from tests.support.fast_timeouts import FAST
from tests.support.harness import Harness, Json, text_of, title_of


def pings(stage: Harness) -> list[tuple[str, list[str]]]:
    """Return what notified anybody: the message's text, and whom."""
    every = [each for channel in stage.discord.world.messages.values() for each in channel.values()]
    return [(each.content, each.pinged) for each in every if each.pinged]


def of_ana(stage: Harness) -> list[tuple[str, list[str]]]:
    """Return the one notification of Ana."""
    return [(f"<@{stage.ana.id}> your video is ready.", [stage.ana.id])]


def nobody_is_due(stage: Harness) -> bool:
    """Return whether the database says so, read independently of the bot."""
    ((ended,),) = stage.database.sql("SELECT count(*) FROM tasks WHERE told AND NOT ping_due")
    return bool(ended == 1)


async def chosen(stage: Harness, mode: str) -> None:
    """Use /notify as Ana."""
    await stage.ana.command("notify", await stage.ana.channel("general"), mode=mode)
    await told_privately(stage.ana, "mention you")


@asynccontextmanager
async def waited(stage: Harness, minutes: float, **options: Any) -> AsyncIterator[Json]:
    """Pause Ana's task at FoxAPI while so many minutes pass, then continue."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    reply = await stage.extend(stage.ana, small(stage.clips), seconds=2, **options)
    await halfway.reached.wait()
    await stage.until(stage.ana, reply, "Rendering")
    stage.clock.advance(minutes * MINUTE)
    yield reply
    halfway.release.set()


async def test_a_long_one_notifies_its_creator_once(stage: Harness) -> None:
    """A short reply to the result mentions only the creator, although the prompt mentions everyone."""
    async with stage.bot():
        async with waited(stage, 2, prompt=f"@everyone <@{stage.ben.id}>") as reply:
            pass
        await stage.until(stage.ana, reply, "Finished")
        told = await stage.ana.wait_message(lambda it: "your video is ready" in text_of(it))
    assert told["message_reference"]["message_id"] == reply["id"]
    assert pings(stage) == of_ana(stage)
    async with stage.bot():
        await finished(stage)
    assert pings(stage) == of_ana(stage)


async def test_a_short_one_notifies_nobody(stage: Harness) -> None:
    """A task under a minute does not notify: the member is still there."""
    async with stage.bot():
        await finished(stage)
        await stage.tidied()
    assert pings(stage) == []


@pytest.mark.parametrize(("mode", "minutes", "notified"), [("always", 0, True), ("never", 5, False)])
async def test_the_members_own_choice(stage: Harness, mode: str, minutes: float, notified: bool) -> None:
    """The choice of /notify survives restarts and applies only to that member."""
    async with stage.bot():
        await chosen(stage, mode)
    async with stage.bot():
        async with waited(stage, minutes) as reply:
            pass
        await stage.until(stage.ana, reply, "Finished")
        await finished(stage, stage.ben)
        await stage.tidied()
    assert pings(stage) == (of_ana(stage) if notified else [])


async def test_a_private_reply_notifies_nobody(stage: Harness) -> None:
    """A private reply does not notify in public."""
    async with stage.bot():
        await chosen(stage, "always")
        await finished(stage, private=True)
        await stage.tidied()
    assert pings(stage) == []


async def test_a_new_message_is_notification_enough(stage: Harness) -> None:
    """If the result was posted as a new message that mentions its member, there is no second mention."""
    async with stage.bot(FAST):
        async with waited(stage, 20) as reply:
            message = stage.discord.world.find_message(reply["channel_id"], reply["id"])
            assert message
            stage.discord.world.remove(message)
        await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
        await stage.tidied()
    assert pings(stage) == [(f"<@{stage.ana.id}>", [stage.ana.id])]


async def test_a_failure_is_told_too(stage: Harness) -> None:
    """A member who waited long is notified of a failure too."""
    async with stage.bot():
        await chosen(stage, "always")
        stage.fox.next_quirks = Quirks(failure=Failure("content_policy_violation", "no"))
        reply = await stage.extend(stage.ana, small(stage.clips), seconds=2)
        await stage.until(stage.ana, reply, "Failed")
        await stage.ana.wait_message(lambda it: "your video failed" in text_of(it))
    assert len(pings(stage)) == 1


@pytest.mark.parametrize(("minutes", "after"), [(0, False), (0, True), (60, True)])
async def test_once_though_the_process_is_killed_in_between(stage: Harness, after: bool, minutes: float) -> None:
    """Killed before or after Discord accepted the message; restarted at once, or after the nonce expired."""
    hold = Hold(after=after)
    async with stage.process() as process:
        await process.start()
        await until(lambda: stage.discord.world.online)
        await stage.discord.faults.wait("PUT", r"/commands$")
        await chosen(stage, "always")
        stage.discord.faults.add("POST", POST, hold)
        await stage.extend(stage.ana, small(stage.clips), seconds=2)
        await hold.reached.wait()
        await process.kill()
        stage.clock.advance(minutes * MINUTE)
        stage.discord.faults.clear()
        await process.start()
        await until(lambda: nobody_is_due(stage))
    hold.release.set()
    async with stage.bot():
        pass
    assert pings(stage) == of_ana(stage)


@pytest.mark.parametrize("fault", [Lose(), Answer(500, "{}")])
async def test_once_though_discord_is_ill(stage: Harness, fault: Lose | Answer) -> None:
    """A lost answer or a refusal is retried, and results in one message."""
    stage.discord.faults.add("POST", POST, fault)
    async with stage.bot(FAST):
        await chosen(stage, "always")
        await finished(stage)
        await until(lambda: pings(stage) == of_ana(stage))
        await stage.tidied()
    async with stage.bot():
        pass
    assert pings(stage) == of_ana(stage)


async def test_where_the_bot_may_not_write_nobody_is_told(stage: Harness) -> None:
    """If the notification is refused for good, the result stays, and the retries end."""
    stage.discord.faults.add("POST", POST, Answer(403, '{"code": 50013, "message": "Missing Permissions"}'), times=None)
    async with stage.bot(FAST):
        await chosen(stage, "always")
        await finished(stage)
        await stage.discord.faults.wait("POST", POST)
    async with stage.bot():
        pass
    assert len(stage.discord.faults.matching("POST", POST)) == 1
    assert pings(stage) == []
