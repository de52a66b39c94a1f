"""A shared film's lineage: extending from posts, and links only to what every reader can open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.buttons import gone, says, told_privately
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.member import Member
from tests.support.sharing import channel, finished, posts_in, share


async def submit_next_part(who: Member, interaction_id: str, prompt: str = "and then it snows") -> Json:
    """Submit the opened modal and return the reply of the finished next part."""
    modal = await who.modal(interaction_id)
    known = set(who.seen)
    await who.submit_modal(modal, {"prompt": prompt, "seconds": "2"})
    return await who.wait_message(lambda it: it["id"] not in known and "Finished" in text_of(it), 30)


async def extend_again(stage: Harness, who: Member, reply: Json) -> Json:
    """Extend that reply's film and return the reply of the finished next part."""
    return await stage.recorded(await submit_next_part(who, await who.press(reply, "Extend further")))


async def share_as_post(who: Member, reply: Json, place: str, **options: Any) -> Json:
    """Share the film in that channel and return the post."""
    word = await share(who, reply, place, **options)
    return next(each for each in await posts_in(who, place) if each["id"] in text_of(word))


def url_to(stage: Harness, message: Json) -> str:
    """Return the URL of a message."""
    return f"https://discord.com/channels/{stage.discord.world.guild.id}/{message['channel_id']}/{message['id']}"


@pytest.mark.parametrize("hide", [False, True])
async def test_the_menu_on_a_post_extends_as_its_button_does(stage: Harness, hide: bool) -> None:
    """Extend video on Ana's post, after a restart, makes Ben's task part 2 of it and keeps a hidden prompt hidden."""
    general = channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana, "a secret", private=True)
        post = await share_as_post(stage.ana, reply, general, hide=hide)
    async with stage.bot():
        asked = await stage.ben.menu("Extend video", post)
        modal = await stage.ben.modal(asked)
        assert "a secret" not in str(modal)
        assert modal["title"] == "Extend further"
        done = await submit_next_part(stage.ben, asked)
    assert not done["ephemeral"]
    assert f"Part 2, after [part 1]({url_to(stage, post)})" in text_of(done)


async def test_a_deleted_part_is_named_without_a_link(stage: Harness) -> None:
    """A part deleted with its button or by a moderator is named without a link in the next part's post."""
    general = channel(stage, "general")
    async with stage.bot():
        first = await finished(stage, stage.ana)
        second = await extend_again(stage, stage.ana, first)
        third = await extend_again(stage, stage.ana, second)
        await stage.ana.press(first, "Delete")
        await stage.ana.press(await told_privately(stage.ana, "It cannot be undone."), "Delete it")
        await gone(stage.ana, first)
        by_hand = stage.discord.world.find_message(second["channel_id"], second["id"])
        assert by_hand
        stage.discord.world.remove(by_hand)
        post = await share_as_post(stage.ana, third, general)
    assert "source → part 1 → part 2 → **part 3**" in text_of(post)


async def test_posts_drop_links_to_parts_deleted_later(stage: Harness) -> None:
    """The link to part 1 leads to its post until Unshare, to its reply until Delete, then goes; the video stays."""
    general = channel(stage, "general")
    async with stage.bot():
        first = await finished(stage, stage.ana, "a secret")
        hidden = await share_as_post(stage.ana, first, general, hide=True)
        third = await extend_again(stage, stage.ana, await extend_again(stage, stage.ana, first))
        post = await share_as_post(stage.ana, third, general)
        assert f"[part 1]({url_to(stage, hidden)}) → [part 2]" in text_of(post)
        await stage.ana.press(hidden, "Unshare")
        await says(stage.ben, post, f"[part 1]({url_to(stage, first)}) → [part 2]")
        await stage.ana.press(first, "Delete")
        await stage.ana.press(await told_privately(stage.ana, "It cannot be undone."), "Delete it")
        now = await says(stage.ben, post, "source → part 1 → [part 2]")
    assert len(now["attachments"]) == len(post["attachments"])
    assert now["embeds"][0]["thumbnail"]["url"].split("?")[0] == post["embeds"][0]["thumbnail"]["url"].split("?")[0]
    assert labels_of(now) == ["Extend further", "Unshare"]


async def test_a_private_part_is_named_without_a_link_or_its_file(stage: Harness) -> None:
    """A private part shows neither its location nor its clip's name, but is linked once it has a post."""
    general = channel(stage, "general")
    async with stage.bot():
        first = await finished(stage, stage.ana, private=True)
        second = await extend_again(stage, stage.ana, first)
        post = await share_as_post(stage.ana, second, general)
        assert "source → part 1 → **part 2**" in text_of(post)
        earlier = await share_as_post(stage.ana, first, general)
        videos = channel(stage, "videos")
        again = await share_as_post(stage.ana, second, videos)
    assert f"source → [part 1]({url_to(stage, earlier)}) → **part 2**" in text_of(again)


async def test_a_part_that_not_all_readers_can_open_has_no_link(stage: Harness) -> None:
    """A part made in the moderators' channel is linked from posts there, but not from a public channel."""
    general, moderators = channel(stage, "general"), channel(stage, "moderators")
    async with stage.bot():
        first = await finished(stage, stage.mia, channel="moderators")
        second = await extend_again(stage, stage.mia, first)
        abroad = await share_as_post(stage.mia, second, general)
        at_home = await share_as_post(stage.mia, second, moderators)
    assert "tiny.mp4 → part 1 → **part 2**" in text_of(abroad)
    assert f"tiny.mp4 → [part 1]({url_to(stage, first)}) → **part 2**" in text_of(at_home)


async def test_a_hidden_prompt_is_not_one_link_away(stage: Harness) -> None:
    """The link to a part with a hidden prompt leads to its post, not to its reply, which shows the prompt."""
    general = channel(stage, "general")
    async with stage.bot():
        first = await finished(stage, stage.ana, "a secret")
        hidden = await share_as_post(stage.ana, first, general, hide=True)
        second = await extend_again(stage, stage.ana, first)
        post = await share_as_post(stage.ana, second, general)
    assert f"[part 1]({url_to(stage, hidden)}) → **part 2**" in text_of(post)


async def test_the_post_invites_a_star_in_words(stage: Harness) -> None:
    """A post explains what a ⭐ is for, and the bot adds the first one."""
    general = channel(stage, "general")
    async with stage.bot():
        post = await share_as_post(stage.ana, await finished(stage, stage.ana), general)
        await stage.ben.wait_message(lambda it: it["id"] == post["id"] and bool(it.get("reactions")))
    assert "Do you like it?: Give it a ⭐ so that others find it in /gallery." in text_of(post)
