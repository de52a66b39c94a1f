"""A shared film's lineage: it goes on from posts, and links only to what its readers can open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.buttons import gone, says, told_privately
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.member import Member
from tests.support.sharing import channel, finished, posts_in, share


async def went_on(who: Member, interaction_id: str, prompt: str = "and then it snows") -> Json:
    """Submit the modal that was opened; the finished next part."""
    modal = await who.modal(interaction_id)
    known = set(who.seen)
    fields = [each["component"]["custom_id"] for each in modal["components"]]
    await who.submit_modal(modal, dict(zip(fields, [prompt, "2"], strict=True)))
    return await who.wait_message(lambda it: it["id"] not in known and "Finished" in text_of(it), 30)


async def next_part(stage: Harness, who: Member, reply: Json) -> Json:
    """The finished part after that reply's."""
    return await stage.recorded(await went_on(who, await who.press(reply, "Extend again")))


async def posted(who: Member, reply: Json, place: str, **options: Any) -> Json:
    """Share it there; the post."""
    word = await share(who, reply, place, **options)
    return next(each for each in await posts_in(who, place) if each["id"] in text_of(word))


def link(stage: Harness, message: Json) -> str:
    """The address of a message."""
    return f"https://discord.com/channels/{stage.discord.world.guild.id}/{message['channel_id']}/{message['id']}"


@pytest.mark.parametrize("hide", [False, True])
async def test_the_menu_on_a_post_goes_on_as_its_button_does(stage: Harness, hide: bool) -> None:
    """Extend video on Ana's post, also after a restart: Ben's is part 2 of it, and a hidden prompt stays hidden."""
    general = channel(stage, "general")
    async with stage.bot():
        reply = await finished(stage, stage.ana, "a secret", private=True)
        post = await posted(stage.ana, reply, general, hide=hide)
    async with stage.bot():
        asked = await stage.ben.menu("Extend video", post)
        modal = await stage.ben.modal(asked)
        assert ("a secret" in str(modal)) is not hide
        assert modal["title"] == "Extend again"
        done = await went_on(stage.ben, asked)
    assert not done["ephemeral"]
    assert f"Part: 2, after [part 1]({link(stage, post)})" in text_of(done)


async def test_a_deleted_part_is_named_without_a_link(stage: Harness) -> None:
    """Deleted by its own button, or by a moderator's hand: the post of the next part leads nowhere either way."""
    general = channel(stage, "general")
    async with stage.bot():
        first = await finished(stage, stage.ana)
        second = await next_part(stage, stage.ana, first)
        third = await next_part(stage, stage.ana, second)
        await stage.ana.press(first, "Delete")
        await stage.ana.press(await told_privately(stage.ana, "It cannot be undone."), "Delete it")
        await gone(stage.ana, first)
        by_hand = stage.discord.world.find_message(second["channel_id"], second["id"])
        assert by_hand
        stage.discord.world.remove(by_hand)
        post = await posted(stage.ana, third, general)
    assert "source → part 1 → part 2 → **part 3**" in text_of(post)


async def test_posts_let_go_of_links_to_what_is_deleted_later(stage: Harness) -> None:
    """Part 1's post is linked to until Unshare, then its reply until Delete, then nothing; the video stays."""
    general = channel(stage, "general")
    async with stage.bot():
        first = await finished(stage, stage.ana, "a secret")
        hidden = await posted(stage.ana, first, general, hide=True)
        third = await next_part(stage, stage.ana, await next_part(stage, stage.ana, first))
        post = await posted(stage.ana, third, general)
        assert f"[part 1]({link(stage, hidden)}) → [part 2]" in text_of(post)
        await stage.ana.press(hidden, "Unshare")
        await says(stage.ben, post, f"[part 1]({link(stage, first)}) → [part 2]")
        await stage.ana.press(first, "Delete")
        await stage.ana.press(await told_privately(stage.ana, "It cannot be undone."), "Delete it")
        now = await says(stage.ben, post, "source → part 1 → [part 2]")
    assert len(now["attachments"]) == len(post["attachments"])
    assert now["embeds"][0]["thumbnail"]["url"].split("?")[0] == post["embeds"][0]["thumbnail"]["url"].split("?")[0]
    assert labels_of(now) == ["Extend again", "Unshare"]


async def test_a_private_part_is_named_without_a_link_or_its_file(stage: Harness) -> None:
    """What began privately tells neither where it stands nor its clip's name, until a post of it can be linked to."""
    general = channel(stage, "general")
    async with stage.bot():
        first = await finished(stage, stage.ana, private=True)
        second = await next_part(stage, stage.ana, first)
        post = await posted(stage.ana, second, general)
        assert "source → part 1 → **part 2**" in text_of(post)
        earlier = await posted(stage.ana, first, general)
        videos = channel(stage, "videos")
        again = await posted(stage.ana, second, videos)
    assert f"source → [part 1]({link(stage, earlier)}) → **part 2**" in text_of(again)


async def test_a_part_where_not_all_readers_can_look_has_no_link(stage: Harness) -> None:
    """A part made in the moderators' channel is not linked to from a channel of all, but is from its own."""
    general, moderators = channel(stage, "general"), channel(stage, "moderators")
    async with stage.bot():
        first = await finished(stage, stage.mia, channel="moderators")
        second = await next_part(stage, stage.mia, first)
        abroad = await posted(stage.mia, second, general)
        at_home = await posted(stage.mia, second, moderators)
    assert "tiny.mp4 → part 1 → **part 2**" in text_of(abroad)
    assert f"tiny.mp4 → [part 1]({link(stage, first)}) → **part 2**" in text_of(at_home)


async def test_a_hidden_prompt_is_not_one_link_away(stage: Harness) -> None:
    """A part whose post hides the prompt is linked to by that post, not by its reply, which tells it."""
    general = channel(stage, "general")
    async with stage.bot():
        first = await finished(stage, stage.ana, "a secret")
        hidden = await posted(stage.ana, first, general, hide=True)
        second = await next_part(stage, stage.ana, first)
        post = await posted(stage.ana, second, general)
    assert f"[part 1]({link(stage, hidden)}) → **part 2**" in text_of(post)


async def test_the_post_invites_a_star_in_words(stage: Harness) -> None:
    """Whoever sees a post is told what a ⭐ is for; the bot puts the first one there."""
    general = channel(stage, "general")
    async with stage.bot():
        post = await posted(stage.ana, await finished(stage, stage.ana), general)
        await stage.ben.wait_message(lambda it: it["id"] == post["id"] and bool(it.get("reactions")))
    assert "Do you like it?: Give it a ⭐, and others find it in /gallery." in text_of(post)
