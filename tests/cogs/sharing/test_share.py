"""Sharing: permissions, channels, the post's content, posting at most once, and Unshare."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.model import FORUM_CHANNEL, Overwrite
from bot.sandbox.faults import Answer, Hold, Lose
from tests.support.clips import seconds_of
from tests.support.harness import A_VIDEO, Harness, labels_of, text_of
from tests.support.sharing import POSTED, asked_where, channel, choose_showcase, finished, posts_in, share, submitted
from tests.support.world import find_channel


async def test_a_result_goes_to_the_showcase(stage: Harness, tmp_path: Path) -> None:
    """The modal preselects the showcase; the post has the video, the prompt, a star, and its creator without a ping."""
    showcase = channel(stage, "showcase")
    async with stage.bot():
        assert f"<#{showcase}>" in text_of(await choose_showcase(stage, showcase))
        reply = await finished(stage, stage.ana, "hi @everyone **bold**")
        modal = await asked_where(stage.ana, reply)
        (where, prompt) = [each["component"] for each in modal["components"]]
        assert [each["id"] for each in where["default_values"]] == [showcase]
        assert prompt["options"][0]["default"]
        word = await submitted(stage.ana, modal, showcase)
        (post,) = await posts_in(stage.ben, showcase)
        await stage.ben.wait_message(lambda it: it["id"] == post["id"] and bool(it.get("reactions")))
    assert f"/{showcase}/{post['id']}" in text_of(word)
    assert post["pinged"] == []
    assert post["content"] == f"A film by <@{stage.ana.id}>"
    assert r"\*\*bold\*\*" in text_of(post)
    assert post["embeds"][0]["thumbnail"]["url"].startswith("http")
    (video,) = post["attachments"]
    assert abs(seconds_of(await stage.ben.fetch(video["url"]), tmp_path) - 4) < 0.3
    assert stage.ben.seen[post["id"]]["reactions"][0]["emoji"]["name"] == "⭐"
    assert labels_of(post) == ["Extend further", "Unshare"]


async def test_a_hidden_prompt_stays_hidden(stage: Harness) -> None:
    """A hidden prompt appears neither in the post, nor in its forum title, nor in the modal that extends it."""
    forum = stage.discord.world.add_channel(stage.discord.world.guild, "screenings", kind=FORUM_CHANNEL)
    async with stage.bot():
        reply = await finished(stage, stage.ana, "a secret")
        await share(stage.ana, reply, forum.id, hide=True)
        (thread,) = [each for each in stage.discord.world.channels.values() if each.parent_id == forum.id]
        (post,) = await posts_in(stage.ben, thread.id)
        modal = await stage.ben.modal(await stage.ben.press(post, "Extend further"))
    assert "secret" not in str(post)
    assert "secret" not in thread.name
    assert "secret" not in str(modal)


async def test_lineage_with_links(stage: Harness) -> None:
    """The lineage links the source and the parts that others can open."""
    async with stage.bot():
        first = await finished(stage, stage.ana)
        modal = await stage.ana.modal(await stage.ana.press(first, "Extend further"))
        known = set(stage.ana.seen)
        await stage.ana.submit_modal(modal, {"prompt": "2", "seconds": "2"})
        second = await stage.ana.wait_message(lambda it: it["id"] not in known and "Finished" in text_of(it))
        await share(stage.ana, second, channel(stage, "general"))
        (post,) = await posts_in(stage.ben, channel(stage, "general"))
    link = f"https://discord.com/channels/{stage.discord.world.guild.id}/{first['channel_id']}/{first['id']}"
    assert f"tiny.mp4 → [part 1]({link}) → **part 2**" in text_of(post)


async def test_a_private_result_is_published(stage: Harness) -> None:
    """Share publishes a film whose reply only Ana can see."""
    async with stage.bot():
        reply = await finished(stage, stage.ana, private=True)
        assert reply["ephemeral"]
        assert await stage.ben.messages("videos") == []
        await share(stage.ana, reply, channel(stage, "general"))
        (post,) = await posts_in(stage.ben, channel(stage, "general"))
    assert post["attachments"]


async def test_a_private_result_in_a_direct_message_goes_to_the_showcase(stage: Harness) -> None:
    """In a direct message, which offers no channels, the modal names the showcase of the server."""
    stage.discord.faults.add("PATCH", r"/webhooks/", Answer(401, '{"message": "Invalid", "code": 50027}'), times=None)
    async with stage.bot():
        await stage.extend(stage.ana, stage.clips.plain, seconds=2, private=True)
        sent = await stage.ana.wait_message(lambda it: "Finished" in text_of(it) and bool(it["attachments"]), 20)
        assert not sent["ephemeral"]
        stage.discord.faults.clear()
        await stage.ana.press(sent, "Share")
        await stage.ana.wait_message(lambda it: "that server has no showcase" in text_of(it))
        await choose_showcase(stage, channel(stage, "showcase"))
        modal = await asked_where(stage.ana, sent)
        await stage.ana.submit_modal(modal, {"prompt": ["show"]})
        await stage.ana.wait_message(lambda it: text_of(it).startswith("Shared: "))
        (post,) = await posts_in(stage.ben, channel(stage, "showcase"))
    assert post["attachments"]


# Permissions and channels


async def test_others_are_refused_privately(stage: Harness) -> None:
    """Only the creator may share and unshare a film; others are refused privately."""
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        await stage.ben.press(reply, "Share")
        refusal = await stage.ben.wait_message(lambda it: "can share its result" in text_of(it))
        await share(stage.ana, reply, channel(stage, "general"))
        (post,) = await posts_in(stage.ben, channel(stage, "general"))
        await stage.ben.press(post, "Unshare")
        second = await stage.ben.wait_message(lambda it: "can unshare it" in text_of(it))
        assert await posts_in(stage.ben, channel(stage, "general"))
    assert refusal["ephemeral"]
    assert second["ephemeral"]


async def test_only_channels_where_both_may_post_files(stage: Harness) -> None:
    """A channel where the bot or the creator lacks permission is refused; a read-only showcase is not."""
    world = stage.discord.world
    shut = [Overwrite(world.guild.id, 0, deny=permissions.SEND_MESSAGES), Overwrite(world.bot.id, 1, permissions.TALK)]
    find_channel(world, "showcase").overwrites = shut
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        word = await share(stage.ana, reply, channel(stage, "no-files"))
        assert "The bot lacks the permission Attach Files and Embed Links" in text_of(word)
        word = await share(stage.ana, reply, channel(stage, "moderators"))
        assert "You lack the permission View Channel" in text_of(word)
        word = await share(stage.ana, reply, channel(stage, "showcase"))
        assert "You lack the permission Send Messages" in text_of(word)
        await choose_showcase(stage, channel(stage, "showcase"))
        await share(stage.ana, reply, channel(stage, "showcase"))
        assert len(await posts_in(stage.ben, channel(stage, "showcase"))) == 1
        for name in ("no-files", "moderators"):
            assert await posts_in(stage.mia, channel(stage, name)) == []


# Posting at most once


@pytest.mark.both_engines
async def test_two_submissions_make_one_post(stage: Harness) -> None:
    """Two modals submitted at the same time make one post, and both responses link to it."""
    general = channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        modals = [await asked_where(stage.ana, reply) for _ in range(2)]
        held = Hold()
        stage.discord.faults.add("POST", POSTED, held)
        values = {"where": [general], "prompt": ["show"]}
        for modal in modals:
            await stage.ana.submit_modal(modal, values)
        await held.reached.wait()
        held.release.set()
        shared = await stage.ana.wait_message(lambda it: text_of(it).startswith("Shared: "))
        again = await stage.ana.wait_message(lambda it: text_of(it).startswith("Already shared: "))
        (post,) = await posts_in(stage.ben, general)
    assert post["id"] in text_of(shared)
    assert post["id"] in text_of(again)


@pytest.mark.parametrize("forum", [False, True])
async def test_a_lost_response_makes_no_second_post(stage: Harness, forum: bool) -> None:
    """If the response to a post is lost, the bot finds the post and does not send a second one."""
    place = channel(stage, "general")
    if forum:
        place = stage.discord.world.add_channel(stage.discord.world.guild, "screenings", kind=FORUM_CHANNEL).id
    stage.discord.faults.add("POST", r"/threads$" if forum else POSTED, Lose())
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        word = await share(stage.ana, reply, place)
    assert text_of(word).startswith("Shared: ")
    assert await count_posts(stage, place) == 1


@pytest.mark.parametrize("forum", [False, True])
@pytest.mark.parametrize("posted", [False, True])
async def test_killed_between_post_and_record(stage: Harness, posted: bool, forum: bool) -> None:
    """After a crash before or after the post was created, Share again leaves one post, and Unshare deletes it."""
    place = channel(stage, "general")
    if forum:
        place = stage.discord.world.add_channel(stage.discord.world.guild, "screenings", kind=FORUM_CHANNEL).id
    held = Hold(after=posted)
    async with stage.process() as process:
        await process.start()
        await stage.ana.wait_event("bot", lambda it: it["online"])
        reply = await finished(stage, stage.ana)
        stage.discord.faults.add("POST", r"/threads$" if forum else POSTED, held, at_least=A_VIDEO // 10)
        modal = await asked_where(stage.ana, reply)
        await stage.ana.submit_modal(modal, {"where": [place], "prompt": ["show"]})
        async with asyncio.timeout(10):
            await held.reached.wait()
        await process.kill()
        held.release.set()
        assert await count_posts(stage, place) == posted
        stage.ana.events.clear()
        await process.start()
        await stage.ana.wait_event("bot", lambda it: it["online"])
        word = await share(stage.ana, reply, place)
        assert "hared" in text_of(word)
        assert await count_posts(stage, place) == 1
        await stage.ana.press(word, "Unshare")
        await stage.ana.wait_message(lambda it: text_of(it) == "Unshared.")
        assert await count_posts(stage, place) == 0


async def count_posts(stage: Harness, place: str) -> int:
    """Count the shared films in a channel or in a forum's posts."""
    world = stage.discord.world
    rooms = [place, *(each.id for each in world.channels.values() if each.parent_id == place)]
    return sum([len(await posts_in(stage.ben, room)) for room in rooms if room in world.channels])


# Unshare


@pytest.mark.parametrize("deleted_before", [False, True])
async def test_unshare_on_the_post_after_a_restart(stage: Harness, deleted_before: bool) -> None:
    """Unshare deletes the post, also one that a moderator deleted already; then the film can be shared again."""
    general = channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        word = await share(stage.ana, reply, general)
    (post,) = await posts_in(stage.ana, general)
    async with stage.bot():
        if deleted_before:
            gone = stage.discord.world.find_message(general, post["id"])
            assert gone is not None
            stage.discord.world.remove(gone)
        await stage.ana.press(word if deleted_before else post, "Unshare")
        await stage.ana.wait_message(lambda it: text_of(it) == "Unshared.")
        assert await posts_in(stage.ana, general) == []
        await share(stage.ana, reply, general)
        assert len(await posts_in(stage.ana, general)) == 1


async def test_a_post_that_a_moderator_deleted_can_be_shared_again(stage: Harness) -> None:
    """Share does not report a deleted post as already shared."""
    general = channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        await share(stage.ana, reply, general)
        (post,) = await posts_in(stage.ana, general)
        gone = stage.discord.world.find_message(general, post["id"])
        assert gone is not None
        stage.discord.world.remove(gone)
        word = await share(stage.ana, reply, general)
        assert text_of(word).startswith("Shared: ")
        assert len(await posts_in(stage.ana, general)) == 1


async def test_a_forum_gets_a_post_with_a_title(stage: Harness) -> None:
    """A forum that requires a tag gets one; Unshare deletes the thread if the bot may, otherwise its content."""
    world = stage.discord.world
    forum = world.add_channel(world.guild, "screenings", kind=FORUM_CHANNEL)
    forum.tags, forum.requires_tag = ["film", "other"], True
    async with stage.bot():
        await choose_showcase(stage, forum.id)
        reply = await finished(stage, stage.ana)
        word = await share(stage.ana, reply, forum.id)
        (thread,) = [each for each in world.channels.values() if each.parent_id == forum.id]
        assert thread.name == "Ana: the sun comes out"
        assert thread.tags == ["1"]
        (post,) = await posts_in(stage.ben, thread.id)
        assert post["id"] == thread.id
        await stage.ana.press(word, "Unshare")
        await stage.ana.wait_message(lambda it: text_of(it) == "Unshared.")
        assert await posts_in(stage.ben, thread.id) == []
        assert (thread.name, thread.archived) == ("Unshared", True)
        forum.overwrites = [Overwrite(world.bot.id, 1, allow=permissions.MANAGE_THREADS)]
        word = await share(stage.ana, reply, forum.id)
        await stage.ana.press(word, "Unshare")
        await stage.ana.wait_message(lambda it: it["id"] == word["id"] and text_of(it) == "Unshared.")
        assert [each for each in world.channels.values() if each.parent_id == forum.id] == [thread]


async def test_extend_again_from_a_post_makes_ones_own_task(stage: Harness) -> None:
    """Extending Ana's shared film makes Ben's own task, the next part, with a link to the post."""
    general = channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana, private=True)
        await share(stage.ana, reply, general)
        (post,) = await posts_in(stage.ben, general)
        modal = await stage.ben.modal(await stage.ben.press(post, "Extend further"))
        known = set(stage.ben.seen)
        await stage.ben.submit_modal(modal, {"prompt": "and then it snows", "seconds": "2"})
        done = await stage.ben.wait_message(lambda it: it["id"] not in known and "Finished" in text_of(it), 20)
    assert not done["ephemeral"]
    assert f"<@{stage.ben.id}> · took" in text_of(done)
    assert f"/{general}/{post['id']}" in text_of(done)
