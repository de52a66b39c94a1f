"""/gallery: most-starred films first, each member counted once, limited to what the viewer can open."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.discord.state.model import FORUM_CHANNEL
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.member import Member
from tests.support.sharing import channel, finished, posts_in, share

DAY = 86_400.0
STAR = "⭐"


async def open_gallery(stage: Harness, who: Member, **options: Any) -> Json:
    """Use /gallery and return its response."""
    known = set(who.seen)
    await who.command("gallery", channel(stage, "general"), **options)
    return await who.wait_message(lambda it: it["id"] not in known and it["ephemeral"] and not it["loading"])


async def share_new_film(stage: Harness, who: Member, prompt: str, place: str, *, hide: bool = False) -> Json:
    """Share a new film of `who` and return its post."""
    reply = await finished(stage, who, prompt)
    word = await share(who, reply, place, hide=hide)
    rooms = [place, *(each.id for each in stage.discord.world.channels.values() if each.parent_id == place)]
    posts = [each for room in rooms for each in await posts_in(who, room)]
    return next(each for each in posts if each["id"] in text_of(word))


def get_titles(message: Json) -> list[str]:
    """Return the titles of the shown films, in order."""
    return [embed["title"] for embed in message["embeds"]]


@pytest.mark.both_engines
async def test_the_most_starred_first(stage: Harness) -> None:
    """Stars of distinct members count, except the bot's and the creator's; each film has a thumbnail and a link."""
    general = channel(stage, "general")
    async with stage.bot():
        assert "Nothing here has a ⭐ yet" in text_of(await open_gallery(stage, stage.ben))
        one = await share_new_film(stage, stage.ana, "one", general)
        two = await share_new_film(stage, stage.ana, "two", general, hide=True)
        three = await share_new_film(stage, stage.ben, "three", general)
        for who, post in ((stage.ben, one), (stage.ben, two), (stage.mia, two), (stage.ana, two), (stage.ben, three)):
            await who.react(post, STAR)
        stage.clock.advance(600)
        seen = await open_gallery(stage, stage.ben)
        assert get_titles(seen) == [f"1. {STAR} 2", f"2. {STAR} 1"]
        first, second = seen["embeds"]
        assert f"/{general}/{two['id']}" in first["description"]
        assert "two" not in first["description"]
        assert "one" in second["description"]
        assert (await stage.ben.fetch(first["image"]["url"])).startswith(b"\xff\xd8")
        await stage.mia.react(two, STAR, remove=True)
        await stage.mia.react(one, STAR)
        stage.clock.advance(600)
        assert (await open_gallery(stage, stage.ben))["embeds"][0]["description"].startswith("> one")


async def test_pages_and_periods_after_a_restart(stage: Harness) -> None:
    """The page and period buttons work after a restart; older posts appear only in "ever"."""
    general = channel(stage, "general")
    async with stage.bot():
        for number in range(4):
            await stage.ben.react(await share_new_film(stage, stage.ana, f"film {number}", general), STAR)
        stage.clock.advance(600)
        seen = await open_gallery(stage, stage.mia)
        assert len(seen["embeds"]) == 3
        assert "page 1 of 2" in text_of(seen)
    async with stage.bot():
        await stage.mia.press(seen, "▶")
        second = await stage.mia.wait_message(lambda it: it["id"] == seen["id"] and "page 2 of 2" in text_of(it))
        assert get_titles(second) == [f"4. {STAR} 1"]
        assert labels_of(second) == ["◀", "▶", "Week", "Month", "All time"]
        stage.clock.advance(10 * DAY)
        old = await open_gallery(stage, stage.mia)
        assert "Nothing here" in text_of(old)
        await stage.mia.press(old, "Month")
        month = await stage.mia.wait_message(lambda it: it["id"] == old["id"] and "30 days" in text_of(it))
        assert len(month["embeds"]) == 3
        stage.clock.advance(30 * DAY)
        assert "Nothing here" in text_of(await open_gallery(stage, stage.mia, period="month"))
        assert len((await open_gallery(stage, stage.mia, period="ever"))["embeds"]) == 3


async def test_only_what_the_member_can_open(stage: Harness) -> None:
    """A post in a channel that the member cannot see is hidden from them; a deleted post is hidden from everyone."""
    hidden, general = channel(stage, "moderators"), channel(stage, "general")
    async with stage.bot():
        secret = await share_new_film(stage, stage.mia, "for moderators", hidden)
        gone = await share_new_film(stage, stage.ana, "deleted soon", general)
        await stage.ben.react(gone, STAR)
        message = stage.discord.world.find_message(hidden, secret["id"])
        assert message is not None
        stage.discord.world.set_reaction(message, stage.discord.world.guild.owner_id, STAR, remove=False)
        stage.clock.advance(600)
        assert len((await open_gallery(stage, stage.mia))["embeds"]) == 2
        assert len((await open_gallery(stage, stage.ben))["embeds"]) == 1
        posted = stage.discord.world.find_message(general, gone["id"])
        assert posted is not None
        stage.discord.world.remove(posted)
        stage.clock.advance(600)
        assert (await open_gallery(stage, stage.ben))["embeds"] == []


async def test_a_film_shared_twice_counts_each_member_once(stage: Harness) -> None:
    """Stars of a film's two posts add up, with each member counted once; a repeated view needs few requests."""
    world = stage.discord.world
    forum = world.add_channel(world.guild, "screenings", kind=FORUM_CHANNEL)
    async with stage.bot():
        reply = await finished(stage, stage.ana, "both")
        await share(stage.ana, reply, channel(stage, "general"))
        await share(stage.ana, reply, forum.id)
        (post,) = await posts_in(stage.ben, channel(stage, "general"))
        (thread,) = [each for each in world.channels.values() if each.parent_id == forum.id]
        (other,) = await posts_in(stage.ben, thread.id)
        await stage.ben.react(post, STAR)
        await stage.ben.react(other, STAR)
        await stage.mia.react(other, STAR)
        seen = await open_gallery(stage, stage.ben)
        assert get_titles(seen) == [f"1. {STAR} 2"]
        before = len(stage.discord.faults.calls)
        await open_gallery(stage, stage.ben)
        asked = [
            call for call in stage.discord.faults.calls[before:] if "/messages/" in call.path and call.method == "GET"
        ]
        assert len([call for call in asked if "/webhooks/" not in call.path]) == 1
