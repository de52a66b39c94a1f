"""Forums of the Discord fake: they reject what Discord rejects, and discord.py gets their events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.model import FORUM_CHANNEL, Channel, Json, Overwrite
from tests.support.discord_client import Rest, open_rest, refused


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    """A new server for each test."""
    async with open_rest() as made:
        yield made


@pytest.fixture
def forum(rest: Rest) -> Channel:
    world = rest.server.world
    return world.add_channel(world.guild, "screenings", kind=FORUM_CHANNEL)


def post(**changes: object) -> Json:
    """The body of a new post."""
    return {"name": "Sunrise", "type": 11, "message": {"content": "look"}, **changes}


async def test_a_post_is_a_thread_with_its_first_message(rest: Rest, forum: Channel) -> None:
    """A thread and its first message have the same id, and members can see it and write in it."""
    status, made = await rest("POST", f"/channels/{forum.id}/threads", post())
    assert status == 201
    assert (made["type"], made["parent_id"], made["message"]["id"]) == (11, forum.id, made["id"])
    (shown,) = await rest.ana.messages(made["id"])
    assert shown["content"] == "look"
    await rest.ana.say(made["id"], "nice")
    _, listed = await rest("GET", f"/guilds/{rest.server.world.guild.id}/threads/active")
    assert [each["id"] for each in listed["threads"]] == [made["id"]]
    assert listed["threads"][0]["message_count"] == 1


async def test_what_forums_refuse(rest: Rest, forum: Channel) -> None:
    """A forum rejects plain messages, posts without title, content or a required tag, and posts without permission."""
    path = f"/channels/{forum.id}/threads"
    assert refused(await rest("POST", f"/channels/{forum.id}/messages", {"content": "x"})) == (400, 50024)
    assert refused(await rest("POST", f"/channels/{rest.channel('videos')}/threads", post())) == (400, 50024)
    assert refused(await rest("POST", path, post(name=""))) == (400, 50035)
    assert refused(await rest("POST", path, post(message={"content": "x", "nonce": "1"}))) == (400, 50035)
    assert refused(await rest("POST", path, post(message={}))) == (400, 50006)
    forum.tags, forum.requires_tag = ["film"], True
    assert refused(await rest("POST", path, post())) == (400, 40067)
    assert refused(await rest("POST", path, post(applied_tags=["7"]))) == (400, 50035)
    assert (await rest("POST", path, post(applied_tags=["1"])))[0] == 201
    forum.overwrites = [Overwrite(rest.server.world.bot.id, 1, deny=permissions.SEND_MESSAGES)]
    assert refused(await rest("POST", path, post(applied_tags=["1"]))) == (403, 50013)


async def test_a_thread_is_deleted_with_manage_threads_only(rest: Rest, forum: Channel) -> None:
    """Deleting a thread needs Manage Threads, even for its owner (Discord docs, Delete/Close Channel)."""
    _, made = await rest("POST", f"/channels/{forum.id}/threads", post())
    assert refused(await rest("DELETE", f"/channels/{made['id']}")) == (403, 50013)
    forum.overwrites = [Overwrite(rest.server.world.bot.id, 1, allow=permissions.MANAGE_THREADS)]
    assert (await rest("DELETE", f"/channels/{made['id']}"))[0] == 200
    assert made["id"] not in rest.server.world.channels


async def test_reactors_come_in_pages(rest: Rest) -> None:
    """The users of a reaction are listed by id, after `after` and at most `limit`."""
    message = await rest.ana.say(rest.channel("videos"), "hello")
    kept = rest.server.world.find_message(message["channel_id"], message["id"])
    assert kept is not None
    users = sorted(rest.server.world.users, key=int)
    for user in users:
        rest.server.world.set_reaction(kept, user, "⭐", remove=False)
    path = f"/channels/{message['channel_id']}/messages/{message['id']}/reactions/⭐"
    _, first = await rest("GET", f"{path}?limit=2")
    _, then = await rest("GET", f"{path}?limit=2&after={first[-1]['id']}")
    assert [each["id"] for each in [*first, *then]] == users[:4]
