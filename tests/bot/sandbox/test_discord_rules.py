"""The Discord fake's rate limits, links, gateway and page follow Discord's rules."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.sandbox.discord.state.model import Json
from tests.support.discord_client import ECHO, Rest, open_rest
from tests.support.member import Member, PageRefused
from tests.support.world import find_user


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    """A new server for each test."""
    async with open_rest() as made:
        yield made


async def test_rate_limits(rest: Rest) -> None:
    """Five edits in five seconds pass with headers and the sixth gets 429; later, or with limits off, all pass."""
    message = await rest.say()
    url = f"{rest.server.api_url}/channels/{message['channel_id']}/messages/{message['id']}"
    headers = {"Authorization": f"Bot {rest.server.world.token}"}
    for left in (4, 3, 2, 1, 0):
        async with rest.http.patch(url, json={"content": "x"}, headers=headers) as response:
            assert response.status == 200
            assert response.headers["X-RateLimit-Remaining"] == str(left)
    async with rest.http.patch(url, json={"content": "x"}, headers=headers) as response:
        body = await response.json()
        assert response.status == 429
        assert response.headers["Via"]
        assert float(response.headers["Retry-After"]) == body["retry_after"] > 0
        assert body["global"] is False
    rest.server.clock.advance(6)
    for enabled in (True, False):
        rest.server.world.ratelimits.enabled = enabled
        for _ in range(5):
            async with rest.http.patch(url, json={"content": "x"}, headers=headers) as response:
                assert response.status == 200


async def test_an_old_message_takes_few_edits(rest: Rest) -> None:
    """The bot's edits of a message over an hour old are limited with 30046."""
    message = await rest.say()
    path = f"/channels/{message['channel_id']}/messages/{message['id']}"
    rest.server.clock.advance(3700)
    answers = [await rest("PATCH", path, {"content": str(at)}) for at in range(4)]
    assert [status for status, _ in answers] == [200, 200, 200, 429]
    assert answers[-1][1]["code"] == 30046


async def test_who_is_pinged(rest: Rest) -> None:
    """A message's `mentions` are those that allowed_mentions allows."""
    text = f"<@{rest.ana.id}> @everyone"
    assert (await rest.say(content=text, allowed_mentions={"parse": []}))["mentions"] == []
    named = await rest.say(content=text, allowed_mentions={"users": [rest.ana.id]})
    assert [each["id"] for each in named["mentions"]] == [rest.ana.id]
    assert named["mention_everyone"] is False


async def test_links_of_files_end(rest: Rest) -> None:
    """A link works for 24 hours if unaltered, also with ranges, and a message's links are always fresh."""
    said = await rest.ana.say(rest.channel("videos"), "", [await rest.ana.upload(b"0123456789", "a.mp4")])
    url = said["attachments"][0]["url"]
    async with rest.http.get(url, headers={"Range": "bytes=2-4"}) as response:
        assert (response.status, await response.read()) == (206, b"234")
    with pytest.raises(PageRefused):
        await rest.ana.fetch(url + "0")
    rest.server.clock.advance(24 * 3600)
    with pytest.raises(PageRefused):
        await rest.ana.fetch(url)
    (fresh,) = await rest.ana.messages("videos")
    assert await rest.ana.fetch(fresh["attachments"][0]["url"]) == b"0123456789"


@pytest.mark.parametrize(
    ("send", "code"),
    [
        ({"op": 2, "d": {"token": "wrong", "intents": 1}}, 4004),
        ({"op": 2, "d": {"token": "sandbox-bot-token", "intents": 1 << 15}}, 4014),
        ({"op": 2, "d": {"token": "sandbox-bot-token", "intents": -1}}, 4013),
        ({"op": 3, "d": {}}, 4003),
        ({"nonsense": 1}, 4002),
    ],
)
async def test_the_gateway_closes(rest: Rest, send: Json, code: int) -> None:
    """HELLO comes first, heartbeats are answered before an identify, and a bad identify closes the socket."""
    async with rest.http.ws_connect(rest.server.url + "/gateway?v=10&encoding=json") as socket:
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 1, "d": None})
        assert (await socket.receive_json())["op"] == 11
        await socket.send_json(send)
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == code


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "'text' is required"),
        ({"text": "x" * 11}, "at most 10"),
        ({"text": "x", "times": 4}, "at most 3"),
        ({"text": "x", "times": "2"}, "the wrong type"),
        ({"text": "x", "more": "y"}, "'more' does not exist"),
    ],
)
async def test_the_page_checks_options(rest: Rest, options: Json, sentence: str) -> None:
    """Options that Discord's client would not send get a sentence, and `raw` sends them anyway."""
    await rest.register_commands(ECHO)
    with pytest.raises(PageRefused, match=sentence):
        await rest.ana.command("echo", rest.channel("videos"), **options)
    assert rest.interactions == []
    await rest.ana.command("echo", rest.channel("videos"), raw=True, **options)
    assert len(rest.interactions) == 1


async def test_commands_for_moderators(rest: Rest) -> None:
    """`default_member_permissions` decides who is offered a command, and `contexts` where it can be used."""
    await rest.register_commands(
        ECHO | {"default_member_permissions": str(1 << 5)}, ECHO | {"name": "here", "contexts": [0]}
    )
    assert [each["name"] for each in (await rest.ana.state())["commands"]] == ["here"]
    async with Member(rest.server.url, find_user(rest.server.world, "Mia").id) as mia:
        assert [each["name"] for each in (await mia.state())["commands"]] == ["echo", "here"]
    dm = rest.server.world.open_dm(rest.ana.id)
    with pytest.raises(PageRefused, match="cannot be used here"):
        await rest.ana.command("here", dm.id, text="x")


async def test_channels_are_seen_by_who_may(rest: Rest) -> None:
    """Only Mia and the bot can see #moderators."""

    def names(state: Json) -> list[str]:
        return [each["name"] for each in state["channels"]]

    assert names(await rest.ana.state()) == ["general", "videos", "showcase", "no-files"]
    async with Member(rest.server.url, find_user(rest.server.world, "Mia").id) as mia:
        assert "moderators" in names(await mia.state())
    status, _ = await rest("GET", f"/channels/{rest.channel('moderators')}")
    assert status == 200
