"""Deleting a result deletes its shared posts, also through Discord outages and crashes."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.model import FORUM_CHANNEL, Overwrite
from bot.sandbox.faults import Answer, Hold
from tests.support.buttons import gone, says, told_privately
from tests.support.harness import A_VIDEO, Harness, Json, text_of
from tests.support.member import Member
from tests.support.sharing import POSTED, asked_where, channel, finished, posts_in, share
from tests.support.world import find_channel

BY_BOT = r"/channels/\d+/messages/\d+$"


async def confirm_delete(who: Member, done: Json) -> Json:
    """Press Delete and confirm; return the confirmation message."""
    await who.press(done, "Delete")
    asked = await told_privately(who, "It cannot be undone.")
    await who.press(asked, "Delete it")
    return asked


async def wait_until_no_posts(stage: Harness, place: str) -> None:
    """Wait until the channel has no shared film."""
    async with asyncio.timeout(15):
        while await posts_in(stage.mia, place):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("moderator", [False, True])
async def test_delete_deletes_shared_posts(stage: Harness, moderator: bool) -> None:
    """Delete by the creator or a moderator announces and deletes the posts in a channel and in a forum."""
    world, general = stage.discord.world, channel(stage, "general")
    forum = world.add_channel(world.guild, "screenings", kind=FORUM_CHANNEL)
    who = stage.mia if moderator else stage.ana
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        await share(stage.ana, reply, general)
        await share(stage.ana, reply, forum.id)
        asked = await confirm_delete(who, await stage.until(who, reply, "Finished"))
        assert "all posts that share it" in text_of(asked)
        await says(who, asked, "Deleted.")
        await gone(stage.ana, reply)
    (thread,) = [each for each in world.channels.values() if each.parent_id == forum.id]
    assert (thread.name, thread.archived) == ("Unshared", True)
    assert await posts_in(stage.ben, general) + await posts_in(stage.ben, thread.id) == []


async def test_delete_mentions_posts_only_if_there_are_any(stage: Harness) -> None:
    """The confirmation mentions posts only if there are any; an unshared post does not count."""
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        word = await share(stage.ana, reply, channel(stage, "general"))
        await stage.ana.press(word, "Unshare")
        await says(stage.ana, word, "Unshared.")
        assert "shared" not in text_of(await confirm_delete(stage.ana, reply))
        await gone(stage.ana, reply)


async def test_a_post_that_cannot_be_deleted_is_reported_and_retried(stage: Harness) -> None:
    """If the post cannot be deleted, the response says so, the gallery hides it, and the next press deletes it."""
    general = channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        await share(stage.ana, reply, general)
        stage.discord.faults.add("DELETE", rf"/channels/{general}/messages/", Answer(503, "{}"), times=None)
        asked = await confirm_delete(stage.ana, reply)
        left = await says(stage.ana, asked, "did not allow the bot to delete every")
        await gone(stage.ana, reply)
        (post,) = await posts_in(stage.ben, general)
        await stage.ben.react(post, "⭐")
        await stage.ben.command("gallery", general)
        await told_privately(stage.ben, "Nothing here has a ⭐ yet")
        stage.discord.faults.clear()
        await stage.ana.press(left, "Delete it")
        await says(stage.ana, asked, "Deleted.")
        assert await posts_in(stage.ben, general) == []


async def test_a_leftover_post_is_deleted_after_a_restart(stage: Harness) -> None:
    """After a restart the bot deletes a leftover post without another press."""
    general = channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        await share(stage.ana, reply, general)
        stage.discord.faults.add("DELETE", rf"/channels/{general}/messages/", Answer(503, "{}"), times=None)
        await says(stage.ana, await confirm_delete(stage.ana, reply), "did not allow the bot to delete every")
    stage.discord.faults.clear()
    async with stage.bot():
        await wait_until_no_posts(stage, general)


async def test_killed_in_the_middle_of_delete(stage: Harness) -> None:
    """A bot killed while it deletes a post finishes the deletion after its next start."""
    general, held = channel(stage, "general"), Hold()
    async with stage.process() as process:
        await process.start()
        await stage.ana.wait_event("bot", lambda it: it["online"])
        reply = await finished(stage, stage.ana)
        await share(stage.ana, reply, general)
        stage.discord.faults.add("DELETE", rf"/channels/{general}/messages/", held)
        await confirm_delete(stage.ana, reply)
        async with asyncio.timeout(10):
            await held.reached.wait()
        await process.kill()
        stage.discord.faults.clear()
        await process.start()
        await wait_until_no_posts(stage, general)
        held.release.set()


async def test_delete_waits_for_a_share_in_progress(stage: Harness) -> None:
    """A film whose result is deleted while it is being posted does not stay posted."""
    general, held = channel(stage, "general"), Hold()
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        stage.discord.faults.add("POST", POSTED, held, at_least=A_VIDEO // 10)
        modals = [await asked_where(stage.ana, reply) for _ in range(2)]
        await stage.ana.submit_modal(modals[0], {"where": [general], "prompt": ["show"]})
        async with asyncio.timeout(10):
            await held.reached.wait()
        asked = await confirm_delete(stage.ana, reply)
        held.release.set()
        await says(stage.ana, asked, "Deleted.")
        assert await posts_in(stage.ben, general) == []
        await stage.ana.submit_modal(modals[1], {"where": [general], "prompt": ["show"]})
        await told_privately(stage.ana, "I no longer have that result.")
        assert await posts_in(stage.ben, general) == []


async def test_an_unrecorded_post_is_found_and_deleted(stage: Harness) -> None:
    """If the bot was killed before it recorded a post, Unshare on the post deletes it."""
    world, general, held = stage.discord.world, channel(stage, "general"), Hold(after=True)
    async with stage.process() as process:
        await process.start()
        await stage.ana.wait_event("bot", lambda it: it["online"])
        reply = await finished(stage, stage.ana)
        stage.discord.faults.add("POST", POSTED, held, at_least=A_VIDEO // 10)
        modal = await asked_where(stage.ana, reply)
        await stage.ana.submit_modal(modal, {"where": [general], "prompt": ["show"]})
        async with asyncio.timeout(10):
            await held.reached.wait()
        await process.kill()
        held.release.set()
        (post,) = await posts_in(stage.ana, general)
        # At startup the bot cannot search the channel, so the post stays unrecorded until Unshare is pressed.
        looked = stage.discord.faults.add("GET", rf"/channels/{general}/messages$", Answer(403, "{}"))
        stage.ana.events.clear()
        await process.start()
        await stage.ana.wait_event("bot", lambda it: it["online"])
        async with asyncio.timeout(10):
            while stage.discord.faults.is_armed(looked):
                await asyncio.sleep(0.02)
        await stage.ana.press(post, "Unshare")
        await stage.ana.wait_message(lambda it: text_of(it) == "Unshared.")
        assert world.find_message(general, post["id"]) is None


async def test_delete_without_view_channel_reports_the_post(stage: Harness) -> None:
    """Without View Channel the bot cannot delete the post, and does not claim that it did."""
    world, general = stage.discord.world, channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        await share(stage.ana, reply, general)
        find_channel(world, "general").overwrites = [Overwrite(world.bot.id, 1, deny=permissions.VIEW_CHANNEL)]
        asked = await confirm_delete(stage.ana, reply)
        await says(stage.ana, asked, "did not allow the bot to delete every")
        assert len(await posts_in(stage.ben, general)) == 1
