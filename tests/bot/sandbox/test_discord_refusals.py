"""The Discord fake rejects what Discord rejects, with the same status, code and nested errors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.discord.state.model import Json, Overwrite
from bot.sandbox.discord.state.permissions import ATTACH_FILES, SEND_MESSAGES, VIEW_CHANNEL
from tests.support.discord_client import ECHO, Rest, form, open_rest, refused
from tests.support.member import PageRefused
from tests.support.world import find_channel

REFRESH = "/attachments/refresh-urls"


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    """A new server for each test."""
    async with open_rest() as made:
        yield made


async def test_an_answer_after_three_seconds(rest: Rest) -> None:
    """A response after the deadline gets 10062, and the member sees that the application did not respond."""
    interaction = await rest.ask_echo()
    rest.server.clock.advance(3.1)
    assert refused(await rest.answer(interaction, 4, {"content": "late"})) == (404, 10062)
    failed = await rest.ana.wait_event("interaction_failed")
    assert failed == {"interaction_id": interaction["id"], "text": "The application did not respond"}


async def test_no_answer_fails_by_itself(rest: Rest) -> None:
    """After three real seconds without a response the page is notified, and a late response is rejected."""
    interaction = await rest.ask_echo()
    await rest.ana.wait_event("interaction_failed", lambda it: it["interaction_id"] == interaction["id"])
    assert refused(await rest.answer(interaction, 5)) == (404, 10062)


async def test_a_second_answer(rest: Rest) -> None:
    """A second response gets 40060, and a wrong token 10062."""
    interaction = await rest.ask_echo()
    assert refused(await rest.answer(interaction | {"token": "x"}, 5)) == (404, 10062)
    status, body = await rest.answer(interaction, 5)
    assert status == 200
    assert body["interaction"]["response_message_loading"] is True
    assert refused(await rest.answer(interaction, 4, {"content": "again"})) == (400, 40060)


async def test_a_token_ends_after_fifteen_minutes(rest: Rest) -> None:
    """Followups and edits work between the first response and the token's expiry, and not before or after."""
    interaction = await rest.ask_echo()
    assert refused(await rest("POST", rest.webhook(interaction), {"content": "x"})) == (404, 10015)
    await rest.answer(interaction, 5)
    rest.server.clock.advance(14 * 60)
    status, first = await rest("POST", rest.webhook(interaction), {"content": "first"})
    status, second = await rest("POST", rest.webhook(interaction), {"content": "second", "flags": 64})
    assert status == 200
    assert first["id"] != second["id"]
    _, original = await rest("GET", rest.webhook(interaction, "@original"))
    assert original["content"] == "first"
    rest.server.clock.advance(61)
    edit = await rest("PATCH", rest.webhook(interaction, "@original"), {"content": "late"})
    assert refused(edit) == (401, 50027)


async def test_an_ephemeral_message_has_no_bot_path(rest: Rest) -> None:
    """An ephemeral message can be edited with its interaction token, but is unknown to the bot token (10008)."""
    interaction = await rest.ask_echo()
    _, body = await rest.answer(interaction, 4, {"content": "for you", "flags": 64})
    message_id = body["interaction"]["response_message_id"]
    path = f"/channels/{interaction['channel_id']}/messages/{message_id}"
    assert refused(await rest("PATCH", path, {"content": "x"})) == (404, 10008)
    assert refused(await rest("GET", path)) == (404, 10008)
    status, _ = await rest("PATCH", rest.webhook(interaction, message_id), {"content": "still"})
    assert status == 200


async def test_places_that_are_not_there(rest: Rest) -> None:
    """Unknown messages, channels, servers, members and routes each get their own code."""
    videos, world = rest.channel("videos"), rest.server.world
    assert refused(await rest("GET", f"/channels/{videos}/messages/1")) == (404, 10008)
    assert refused(await rest("GET", "/channels/1")) == (404, 10003)
    world.remove_channel(videos)
    assert refused(await rest("POST", f"/channels/{videos}/messages", {"content": "x"})) == (404, 10003)
    assert refused(await rest("GET", f"/guilds/{world.guild.id}/members/1")) == (404, 10013)
    assert refused(await rest("GET", "/nothing")) == (404, 0)
    general = rest.channel("general")
    world.remove_bot(world.guild.id)
    assert refused(await rest("GET", f"/guilds/{world.guild.id}")) == (404, 10004)
    assert refused(await rest("GET", f"/channels/{general}")) == (403, 50001)
    assert refused(await rest("GET", "/users/@me", headers={"Authorization": "Bot x"})) == (401, 0)


async def test_permissions(rest: Rest) -> None:
    """A hidden channel gets 50001; messages, files and embeds without permission get 50013."""
    world = rest.server.world
    channel = find_channel(world, "no-files")
    path = f"/channels/{channel.id}/messages"
    assert refused(await rest("POST", path, {"embeds": [{"title": "x"}]})) == (403, 50013)
    assert refused(await rest("POST", path, data=form({"content": "x"}, b"file"))) == (403, 50013)
    channel.overwrites = [Overwrite(world.bot.id, 1, deny=SEND_MESSAGES)]
    assert refused(await rest("POST", path, {"content": "x"})) == (403, 50013)
    channel.overwrites = [Overwrite(world.bot.id, 1, deny=VIEW_CHANNEL)]
    assert refused(await rest("POST", path, {"content": "x"})) == (403, 50001)


async def test_an_interaction_tells_the_missing_permission(rest: Rest) -> None:
    """In #no-files, `app_permissions` lacks Attach Files, a file gets 50013, and an embed is dropped."""
    await rest.register_commands(ECHO)
    await rest.ana.command("echo", rest.channel("no-files"), text="x")
    interaction = rest.interactions[-1]
    assert not int(interaction["app_permissions"]) & ATTACH_FILES
    await rest.answer(interaction, 5)
    file = form({"content": "x"}, b"file")
    assert refused(await rest("PATCH", rest.webhook(interaction, "@original"), data=file)) == (403, 50013)
    body = {"content": "x", "embeds": [{"title": "gone"}]}
    _, message = await rest("PATCH", rest.webhook(interaction, "@original"), body)
    assert message["embeds"] == []


async def test_a_file_over_the_limit(rest: Rest) -> None:
    """Each interaction states the server's upload limit, and one byte more gets 413/40005."""
    rest.server.world.guild.upload_limit = 1000
    interaction = await rest.ask_echo()
    assert interaction["attachment_size_limit"] == 1000
    await rest.answer(interaction, 5)
    original = rest.webhook(interaction, "@original")
    assert refused(await rest("PATCH", original, data=form({}, b"x" * 1001))) == (413, 40005)
    status, message = await rest("PATCH", original, data=form({"content": "x"}, b"x" * 1000))
    assert (status, message["attachments"][0]["size"]) == (200, 1000)


BUTTON: Json = {"type": 2, "style": 1, "label": "x", "custom_id": "a"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"content": "x" * 2001}, ["content"]),
        ({"content": "x", "colour": 1}, ["colour"]),
        ({"embeds": [{"title": "x" * 257}]}, ["embeds", "0", "title"]),
        ({"embeds": [{"description": "x" * 4097}]}, ["embeds", "0", "description"]),
        ({"embeds": [{"fields": [{"name": "x", "value": "x" * 1025}]}]}, ["embeds", "0", "fields", "0", "value"]),
        ({"embeds": [{"fields": [{"name": "x", "value": "y"}] * 26}]}, ["embeds", "0", "fields"]),
        ({"embeds": [{"description": "x" * 4000}] * 2}, ["embeds"]),
        ({"embeds": [{"image": {"url": "attachment://none.png"}}]}, ["embeds", "0", "image", "url"]),
        ({"components": [{"type": 1, "components": [BUTTON]}] * 6}, ["components"]),
        (
            {"components": [{"type": 1, "components": [BUTTON, BUTTON]}]},
            ["components", "0", "components", "1", "custom_id"],
        ),
        (
            {"components": [{"type": 1, "components": [BUTTON | {"label": "x" * 81}]}]},
            ["components", "0", "components", "0", "label"],
        ),
        (
            {"components": [{"type": 1, "components": [BUTTON | {"custom_id": "x" * 101}]}]},
            ["components", "0", "components", "0", "custom_id"],
        ),
        ({"content": "x", "attachments": [{"id": "99"}]}, ["attachments", "0"]),
        ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, ["allowed_mentions"]),
    ],
)
async def test_invalid_messages(rest: Rest, body: Json, path: list[str]) -> None:
    """Invalid message fields get 50035 with the error at the field's path."""
    status, answer = await rest("POST", f"/channels/{rest.channel('videos')}/messages", body)
    assert (status, answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
    errors = answer["errors"]
    for key in path:
        errors = errors[key]
    assert errors["_errors"][0]["message"]


async def test_fresh_links(rest: Rest) -> None:
    """An expired link is renewed; other URLs and too many links at once are rejected."""
    upload = await rest.server.world.files.add(b"film", rest.ana.id, "1", "film.mp4")
    old = rest.server.world.files.make_link(upload)
    rest.server.clock.advance(25 * 3600)
    assert rest.server.world.files.make_link(upload) != old
    status, answer = await rest("POST", REFRESH, {"attachment_urls": [old]})
    (entry,) = answer["refreshed_urls"]
    assert (status, entry["original"]) == (200, old)
    with pytest.raises(PageRefused):
        await rest.ana.fetch(old)
    assert await rest.ana.fetch(entry["refreshed"]) == b"film"
    for urls in ([], [old] * 51, ["https://example.com/film.mp4"], [5]):
        assert refused(await rest("POST", REFRESH, {"attachment_urls": urls})) == (400, 50035)
    assert refused(await rest("POST", REFRESH, {"attachment_urls": [old]}, headers={"Authorization": ""})) == (401, 0)


async def test_an_empty_message(rest: Rest) -> None:
    """An empty message gets 50006, and editing another user's message gets 50005."""
    videos = rest.channel("videos")
    assert refused(await rest("POST", f"/channels/{videos}/messages", {"content": ""})) == (400, 50006)


async def test_a_strangers_message(rest: Rest) -> None:
    """The bot edits only its own messages (50005) and deletes only its own (50013)."""
    said = await rest.ana.say(rest.channel("videos"), "mine")
    path = f"/channels/{said['channel_id']}/messages/{said['id']}"
    assert refused(await rest("PATCH", path, {"content": "x"})) == (403, 50005)
    assert refused(await rest("DELETE", path)) == (403, 50013)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Has Spaces"},
        {"name": "UPPER"},
        {"description": ""},
        {"description": "x" * 101},
        {"options": [ECHO["options"][1], ECHO["options"][0]]},
        {"options": [{"type": 4, "name": "n", "description": "d", "min_value": 3, "max_value": 2}]},
        {"options": [{"type": 3, "name": "n", "description": "d"}] * 2},
        {"surprise": 1},
    ],
)
async def test_invalid_commands(rest: Rest, change: Json) -> None:
    """An invalid command gets 50035 under its index."""
    status, body = await rest("PUT", f"/applications/{rest.app}/commands", [ECHO | change])
    assert (status, body["code"]) == (400, 50035)
    assert "0" in body["errors"]


async def test_invalid_modals(rest: Rest) -> None:
    """A title over 45 characters and six rows are rejected, and the interaction can still be responded to."""
    interaction = await rest.ask_echo()
    field = {"type": 4, "custom_id": "a", "label": "A", "style": 1}
    rows = [{"type": 1, "components": [field | {"custom_id": str(at)}]} for at in range(6)]
    for modal in ({"title": "x" * 46, "components": rows[:1]}, {"title": "x", "components": rows}):
        assert refused(await rest.answer(interaction, 9, {"custom_id": "m"} | modal)) == (400, 50035)
    status, _ = await rest.answer(interaction, 9, {"custom_id": "m", "title": "x", "components": rows[:5]})
    assert status == 200
    assert refused(await rest.answer(interaction, 6)) == (400, 40060)


async def test_closed_direct_messages(rest: Rest) -> None:
    """A direct message channel always opens, but writing gets 50007 once the member has closed direct messages."""
    _, channel = await rest("POST", "/users/@me/channels", {"recipient_id": rest.ana.id})
    path = f"/channels/{channel['id']}/messages"
    status, _ = await rest("POST", path, {"content": "psst"})
    assert status == 200
    await rest.ana.wait_event("channel", lambda it: it["dm"])
    rest.server.world.users[rest.ana.id].dms_open = False
    assert refused(await rest("POST", path, {"content": "psst"})) == (403, 50007)
