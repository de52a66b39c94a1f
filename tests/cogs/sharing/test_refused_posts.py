"""What happens to posts of films when a server's filters or an archived thread refuse them."""

from __future__ import annotations

import pytest

from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.model import FORUM_CHANNEL, Overwrite
from bot.sandbox.faults import Answer
from tests.support.clips import H264
from tests.support.harness import Harness, text_of
from tests.support.sharing import POSTED, channel, finished, posts_in, share
from tests.support.world import find_channel


@pytest.mark.parametrize("forum", [False, True])
async def test_a_filtered_prompt_is_left_out_of_a_post(stage: Harness, forum: bool) -> None:
    """A filter that refuses the prompt leaves a post with the video and without the prompt, in forums too."""
    guild = stage.discord.world.guild
    async with stage.bot():
        reply = await finished(stage, stage.ana, "a forbidden word")
        guild.blocked_words = ("forbidden",)
        if forum:
            place = stage.discord.world.add_channel(guild, "screenings", kind=FORUM_CHANNEL).id
            await share(stage.ana, reply, place)
            (thread,) = [each for each in stage.discord.world.channels.values() if each.parent_id == place]
            assert "forbidden" not in thread.name
            place = thread.id
        else:
            place = channel(stage, "general")
            await share(stage.ana, reply, place)
        (post,) = await posts_in(stage.ben, place)
    assert "forbidden" not in str(post)
    assert len(post["attachments"]) == 1


async def test_a_filtered_title_is_replaced(stage: Harness) -> None:
    """A forum whose filter refuses only the title gets the post under a title without the prompt."""
    forum = stage.discord.world.add_channel(stage.discord.world.guild, "screenings", kind=FORUM_CHANNEL)
    refused = Answer(400, '{"message": "Title was blocked by automatic moderation", "code": 200001}')
    async with stage.bot():
        reply = await finished(stage, stage.ana, "a bright morning")
        stage.discord.faults.add("POST", r"/threads$", refused, times=1)
        await share(stage.ana, reply, forum.id)
        (thread,) = [each for each in stage.discord.world.channels.values() if each.parent_id == forum.id]
        (post,) = await posts_in(stage.ben, thread.id)
    assert "bright" not in thread.name
    assert "a bright morning" in text_of(post)


@pytest.mark.parametrize(
    ("code", "words"), [(400001, "accepts no files"), (200000, "filter of that server"), (50045, "too large")]
)
async def test_a_refusal_that_stays_is_explained(stage: Harness, code: int, words: str) -> None:
    """If nothing can be left out any more, Share says why in one sentence, and nothing is posted."""
    refused = Answer(400, f'{{"message": "refused", "code": {code}}}')
    async with stage.bot():
        reply = await finished(stage, stage.ana)
        stage.discord.faults.add("POST", POSTED, refused, times=2)
        said = await share(stage.ana, reply, channel(stage, "general"))
        assert words in text_of(said)
        assert not await posts_in(stage.ben, channel(stage, "general"))


async def test_a_film_that_is_too_large_for_the_server_is_compressed(stage: Harness) -> None:
    """A film that was delivered with a member's higher limit is posted within the server's own."""
    noise = stage.clips.make("noise.mp4", 4, "-vf", "scale=640:360,noise=alls=100:allf=t", *H264, "-crf", "12")
    server = stage.discord.world.guild
    server.upload_limit = 100 << 20
    async with stage.bot():
        reply = await stage.extend(stage.ana, noise, seconds=2)
        done = await stage.recorded(await stage.until(stage.ana, reply, "Finished"))
        assert done["attachments"][0]["size"] > 10 << 20
        server.upload_limit = 10 << 20
        await share(stage.ana, done, channel(stage, "general"))
        (post,) = await posts_in(stage.ben, channel(stage, "general"))
    assert 1 << 20 < post["attachments"][0]["size"] <= 10 << 20


async def test_unshare_in_an_archived_thread(stage: Harness) -> None:
    """A post in a thread that was archived meanwhile is deleted by Unshare."""
    world = stage.discord.world
    thread = world.add_thread(find_channel(world, "videos"), world.ids.next(), "cuts", stage.ana.id, [])
    async with stage.bot():
        word = await share(stage.ana, await finished(stage, stage.ana), thread.id)
        (post,) = await posts_in(stage.ben, thread.id)
        thread.archived = True
        await stage.ana.press(word, "Unshare")
        await stage.ana.wait_message(lambda it: text_of(it) == "Unshared.")
        assert post["id"] not in world.messages[thread.id]


async def test_unshare_of_an_archived_forum_post(stage: Harness) -> None:
    """Without Manage Threads, the content of an archived forum post is deleted and its title replaced."""
    world = stage.discord.world
    forum = world.add_channel(world.guild, "screenings", kind=FORUM_CHANNEL)
    forum.overwrites.append(Overwrite(world.bot.id, 1, deny=permissions.MANAGE_THREADS))
    async with stage.bot():
        word = await share(stage.ana, await finished(stage, stage.ana), forum.id)
        (thread,) = [each for each in world.channels.values() if each.parent_id == forum.id]
        thread.archived = True
        await stage.ana.press(word, "Unshare")
        await stage.ana.wait_message(lambda it: text_of(it) == "Unshared.")
    assert (thread.name, thread.archived) == ("Unshared", True)
    assert not world.messages[thread.id]
