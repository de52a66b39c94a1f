"""The stand-in Discord: the real discord.py works against it, and it refuses what Discord refuses."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio
import yarl
from discord import app_commands

from bot.sandbox.discord import DiscordServer, Member
from bot.sandbox.discord.member import PageRefused
from bot.sandbox.discord.model import Json, Overwrite
from bot.sandbox.discord.permissions import ATTACH_FILES, SEND_MESSAGES, VIEW_CHANNEL

ECHO: Json = {
    "name": "echo",
    "description": "Says it again",
    "options": [
        {"type": 3, "name": "text", "description": "What", "required": True, "max_length": 10},
        {"type": 4, "name": "times", "description": "How often", "min_value": 1, "max_value": 3},
    ],
}


@dataclass
class Rest:
    """The bot's side by hand: plain REST calls, and the interactions that were dispatched."""

    server: DiscordServer
    http: aiohttp.ClientSession
    interactions: list[Json] = field(default_factory=list)

    @property
    def app(self) -> str:
        return self.server.world.application_id

    def channel(self, name: str) -> str:
        return self.server.world.channel_named(name).id

    async def __call__(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {self.server.world.token}"} | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        url = self.server.api_url + path
        async with self.http.request(method, url, headers=headers, **options) as response:
            return response.status, await response.json() if response.status != 204 else None

    async def registered(self, *commands: Json) -> None:
        status, _ = await self("PUT", f"/applications/{self.app}/commands", list(commands))
        assert status == 200

    async def asked(self, member: Member) -> Json:
        """A fresh /echo of the member in #videos, as the gateway sent it."""
        await self.registered(ECHO)
        interaction_id = await member.command("echo", self.channel("videos"), text="hello")
        return next(each for each in self.interactions if each["id"] == interaction_id)

    async def answer(self, interaction: Json, kind: int, data: Json | None = None) -> tuple[int, Any]:
        path = f"/interactions/{interaction['id']}/{interaction['token']}/callback?with_response=true"
        return await self("POST", path, {"type": kind, "data": data or {}})

    def webhook(self, interaction: Json, message: str = "") -> str:
        return f"/webhooks/{self.app}/{interaction['token']}" + (f"/messages/{message}" if message else "")

    async def say(self, channel: str = "videos", **body: Any) -> Json:
        status, message = await self("POST", f"/channels/{self.channel(channel)}/messages", {"content": "hi"} | body)
        assert status == 200, message
        return dict(message)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as running:
        yield running


@pytest_asyncio.fixture
async def ana(server: DiscordServer) -> AsyncIterator[Member]:
    async with Member(server.url, server.world.user_named("Ana").id) as member:
        yield member


@pytest_asyncio.fixture
async def rest(server: DiscordServer) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as http:
        made = Rest(server, http)

        def note(name: str, data: Json, _: int) -> None:
            if name == "INTERACTION_CREATE":
                made.interactions.append(data)

        server.world.dispatchers.append(note)
        yield made


class Bot(discord.Client):
    """A real discord.py client whose commands a test adds before it starts."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.05)
        self.tree = app_commands.CommandTree(self)
        self.resumed = asyncio.Event()
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_resumed(self) -> None:
        self.resumed.set()

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.heard.put_nowait(f"left {guild.name}")

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self.heard.put_nowait(f"lost {channel.name}")


@pytest_asyncio.fixture
async def bot(server: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    monkeypatch.setattr(discord.http.Route, "BASE", server.api_url)
    address = yarl.URL(server.url.replace("http", "ws", 1) + "/gateway")
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", address)
    client = Bot()
    async with client:
        yield client


async def started(bot: Bot, server: DiscordServer, member: Member) -> asyncio.Task[None]:
    task = asyncio.create_task(bot.start(server.world.token))
    await member.wait_event("bot", lambda it: it["online"])
    await bot.wait_until_ready()
    return task


def refused(answer: tuple[int, Any]) -> tuple[int, int]:
    """The status and Discord's error code."""
    status, body = answer
    assert body["message"]
    return status, body["code"]


# The real discord.py


async def test_a_command_is_deferred_edited_and_gets_its_file(server: DiscordServer, ana: Member, bot: Bot) -> None:
    """The whole way of one reply: thinking, text and embed, then the file that was attached to the command."""

    @bot.tree.command(description="Goes on")
    async def extend(interaction: discord.Interaction, prompt: str, video: discord.Attachment) -> None:
        made = await interaction.response.defer(thinking=True)
        assert made is not None
        assert made.message_id is not None
        assert interaction.filesize_limit == 10 * 1024 * 1024
        content = await video.read()
        await interaction.edit_original_response(content="half", embed=discord.Embed(title=prompt))
        webhook = discord.Webhook.partial(bot.application_id or 0, interaction.token, client=bot)
        file = discord.File(io.BytesIO(content), "film.mp4")
        await webhook.edit_message(made.message_id, content="done", attachments=[file])

    task = await started(bot, server, ana)
    videos = await ana.channel("videos")
    upload = await ana.upload(b"\x00" * 5000, "my clip.mp4")
    interaction_id = await ana.command("extend", videos, prompt="*rain*", video=upload)
    await ana.wait_event("interaction_done", lambda it: it["interaction_id"] == interaction_id)
    message = await ana.wait_message(lambda it: it["content"] == "done")
    states = [each["d"] for each in ana.events if each["t"] == "message"]
    assert [each["loading"] for each in states] == [True, False, False]
    assert message["embeds"][0]["title"] == "*rain*"
    assert message["interaction"]["name"] == "extend"
    assert await ana.fetch(message["attachments"][0]["url"]) == b"\x00" * 5000
    assert message["attachments"][0]["content_type"] == "video/mp4"
    await bot.close()
    await task
    await ana.wait_event("bot", lambda it: not it["online"])


async def test_the_bot_path_works_without_cache(server: DiscordServer, ana: Member, bot: Bot) -> None:
    """A message is sent, edited over partial objects, keeps and drops its files, and sees its reactions."""
    task = await started(bot, server, ana)
    world = server.world
    place = bot.get_partial_messageable(int(world.channel_named("videos").id), guild_id=int(world.guild.id))
    sent = await place.send("one", file=discord.File(io.BytesIO(b"a"), "a.txt"), nonce="7")
    again = await place.send("one", nonce="7")
    assert again.id == sent.id
    partial = place.get_partial_message(sent.id)
    kept = await partial.edit(content="two")
    assert [each.filename for each in kept.attachments] == ["a.txt"]
    both = await partial.edit(attachments=[kept.attachments[0], discord.File(io.BytesIO(b"b"), "b.txt")])
    assert [each.filename for each in both.attachments] == ["a.txt", "b.txt"]
    assert (await partial.edit(attachments=[])).attachments == []
    await ana.react(await ana.wait_message(lambda it: it["id"] == str(sent.id)), "⭐")
    fetched = await partial.fetch()
    assert [(each.emoji, each.count, each.me) for each in fetched.reactions] == [("⭐", 1, False)]
    await partial.delete()
    await ana.wait_event("message_delete", lambda it: it["id"] == str(sent.id))
    await bot.close()
    await task


async def test_buttons_selects_and_modals(server: DiscordServer, ana: Member, bot: Bot) -> None:
    """A button opens a modal, the modal's submission edits the message, and a select answers privately."""

    class Ask(discord.ui.Modal, title="Again"):
        text: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Prompt", custom_id="text", min_length=2)

        async def on_submit(self, interaction: discord.Interaction) -> None:
            await interaction.response.edit_message(content=self.text.value)

    class Buttons(discord.ui.View):
        @discord.ui.button(label="Again", custom_id="again")
        async def again(self, interaction: discord.Interaction, _: discord.ui.Button[Buttons]) -> None:
            await interaction.response.send_modal(Ask())

        @discord.ui.select(custom_id="pick", options=[discord.SelectOption(label="A"), discord.SelectOption(label="B")])
        async def pick(self, interaction: discord.Interaction, select: discord.ui.Select[Buttons]) -> None:
            await interaction.response.send_message(f"picked {select.values[0]}", ephemeral=True)

    @bot.tree.command(description="Shows")
    async def show(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("here", view=Buttons())

    task = await started(bot, server, ana)
    await ana.command("show", await ana.channel("general"))
    message = await ana.wait_message(lambda it: it["content"] == "here")
    modal = await ana.modal(await ana.press(message, "Again"))
    assert modal["title"] == "Again"
    with pytest.raises(PageRefused, match="characters"):
        await ana.submit_modal(modal, {"text": "x"})
    await ana.submit_modal(modal, {"text": "rain"})
    assert (await ana.wait_message(lambda it: it["content"] == "rain"))["id"] == message["id"]
    await ana.choose(message, "pick", ["B"])
    private = await ana.wait_message(lambda it: it["content"] == "picked B")
    assert private["ephemeral"]
    async with Member(server.url, server.world.user_named("Ben").id) as ben:
        assert private["id"] not in [each["id"] for each in await ben.messages("general")]
    await bot.close()
    await task


async def test_a_message_menu_gives_what_the_intent_hides(server: DiscordServer, ana: Member, bot: Bot) -> None:
    """Other people's messages are empty for the bot, but a message menu resolves them whole, forwards too."""
    got: asyncio.Queue[discord.Message] = asyncio.Queue()

    @bot.tree.context_menu(name="Extend video")
    async def extend(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message("ok", ephemeral=True)
        got.put_nowait(message)

    task = await started(bot, server, ana)
    videos = await ana.channel("videos")
    said = await ana.say(videos, "look", [await ana.upload(b"x", "clip.mp4")])
    hidden = await bot.get_partial_messageable(int(videos)).fetch_message(int(said["id"]))
    assert (hidden.content, hidden.attachments) == ("", [])
    await ana.menu("Extend video", said)
    whole = await got.get()
    assert (whole.content, whole.attachments[0].filename) == ("look", "clip.mp4")
    await ana.menu("Extend video", await ana.forward(said, await ana.channel("general")))
    assert (await got.get()).message_snapshots[0].attachments[0].filename == "clip.mp4"
    await bot.close()
    await task


async def test_autocomplete(server: DiscordServer, ana: Member, bot: Bot) -> None:
    """What is typed so far reaches the bot, and its choices reach the page."""

    @bot.tree.command(description="Finds")
    async def find(interaction: discord.Interaction, name: str) -> None:
        """Only its autocompletion matters here."""

    @find.autocomplete("name")
    async def names(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=current.upper(), value=current)]

    task = await started(bot, server, ana)
    choices = await ana.autocomplete("find", await ana.channel("general"), "name", name="ra")
    assert choices == [{"name": "RA", "value": "ra"}]
    await bot.close()
    await task


async def test_a_session_is_resumed_with_what_it_missed(server: DiscordServer, ana: Member, bot: Bot) -> None:
    """After a reconnect or a drop the same session goes on, and an interaction sent meanwhile arrives."""

    @bot.tree.command(description="Answers")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    task = await started(bot, server, ana)
    server.gateway.reconnect()
    await bot.resumed.wait()
    bot.resumed.clear()
    general = await ana.channel("general")
    await server.gateway.drop()
    await ana.command("ping", general)
    await bot.resumed.wait()
    await ana.wait_message(lambda it: it["content"] == "pong")
    await bot.close()
    await task


async def test_an_invalid_session_is_begun_anew(server: DiscordServer, ana: Member, bot: Bot) -> None:
    """After opcode 9 discord.py identifies again and is ready a second time."""
    task = await started(bot, server, ana)
    waiting = bot.wait_for("ready", timeout=10)
    server.gateway.invalidate()
    await waiting
    await bot.close()
    await task


async def test_the_bot_hears_of_lost_places(server: DiscordServer, ana: Member, bot: Bot) -> None:
    """A deleted channel and a kick reach discord.py as events."""
    task = await started(bot, server, ana)
    server.world.remove_channel(server.world.channel_named("showcase").id)
    assert await bot.heard.get() == "lost showcase"
    server.world.remove_bot(server.world.guild.id)
    assert await bot.heard.get() == "left Film Club"
    await bot.close()
    await task


async def test_a_wrong_token_is_a_login_failure(server: DiscordServer, bot: Bot) -> None:
    """REST answers 401, which discord.py knows."""
    with pytest.raises(discord.LoginFailure):
        await bot.start(server.world.token + "x")


# Refusals, one by one


async def test_an_answer_after_three_seconds(rest: Rest, ana: Member) -> None:
    """By the clock: 10062, and the member reads that the application did not respond."""
    interaction = await rest.asked(ana)
    rest.server.clock.advance(3.1)
    assert refused(await rest.answer(interaction, 4, {"content": "late"})) == (404, 10062)
    failed = await ana.wait_event("interaction_failed")
    assert failed == {"interaction_id": interaction["id"], "text": "The application did not respond"}


async def test_no_answer_fails_by_itself(rest: Rest, ana: Member) -> None:
    """Three real seconds without an answer: the page is told, and the answer is refused from then on."""
    interaction = await rest.asked(ana)
    await ana.wait_event("interaction_failed", lambda it: it["interaction_id"] == interaction["id"])
    assert refused(await rest.answer(interaction, 5)) == (404, 10062)


async def test_a_second_answer(rest: Rest, ana: Member) -> None:
    """An interaction is answered once: 40060; a wrong token is no interaction at all."""
    interaction = await rest.asked(ana)
    assert refused(await rest.answer(interaction | {"token": "x"}, 5)) == (404, 10062)
    status, body = await rest.answer(interaction, 5)
    assert status == 200
    assert body["interaction"]["response_message_loading"] is True
    assert refused(await rest.answer(interaction, 4, {"content": "again"})) == (400, 40060)


async def test_a_token_ends_after_fifteen_minutes(rest: Rest, ana: Member) -> None:
    """Inside the time followups and edits work; before the callback and after the end they do not."""
    interaction = await rest.asked(ana)
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


async def test_an_ephemeral_message_has_no_bot_path(rest: Rest, ana: Member) -> None:
    """Its token edits it; the bot's own token finds nothing (10008)."""
    interaction = await rest.asked(ana)
    _, body = await rest.answer(interaction, 4, {"content": "for you", "flags": 64})
    message_id = body["interaction"]["response_message_id"]
    path = f"/channels/{interaction['channel_id']}/messages/{message_id}"
    assert refused(await rest("PATCH", path, {"content": "x"})) == (404, 10008)
    assert refused(await rest("GET", path)) == (404, 10008)
    status, _ = await rest("PATCH", rest.webhook(interaction, message_id), {"content": "still"})
    assert status == 200


async def test_places_that_are_not_there(rest: Rest) -> None:
    """Unknown messages, channels, servers, members and routes, each with its code."""
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
    """A hidden channel is 50001; sending, files and embeds without their permission are 50013."""
    world = rest.server.world
    channel = world.channel_named("no-files")
    path = f"/channels/{channel.id}/messages"
    assert refused(await rest("POST", path, {"embeds": [{"title": "x"}]})) == (403, 50013)
    assert refused(await rest("POST", path, data=upload({"content": "x"}, b"file"))) == (403, 50013)
    channel.overwrites = [Overwrite(world.bot.id, 1, deny=SEND_MESSAGES)]
    assert refused(await rest("POST", path, {"content": "x"})) == (403, 50013)
    channel.overwrites = [Overwrite(world.bot.id, 1, deny=VIEW_CHANNEL)]
    assert refused(await rest("POST", path, {"content": "x"})) == (403, 50001)


async def test_an_interaction_tells_the_missing_permission(rest: Rest, ana: Member) -> None:
    """`app_permissions` lacks Attach Files in #no-files, a file there is 50013, an embed is dropped."""
    await rest.registered(ECHO)
    await ana.command("echo", rest.channel("no-files"), text="x")
    interaction = rest.interactions[-1]
    assert not int(interaction["app_permissions"]) & ATTACH_FILES
    await rest.answer(interaction, 5)
    form = upload({"content": "x"}, b"file")
    assert refused(await rest("PATCH", rest.webhook(interaction, "@original"), data=form)) == (403, 50013)
    body = {"content": "x", "embeds": [{"title": "gone"}]}
    _, message = await rest("PATCH", rest.webhook(interaction, "@original"), body)
    assert message["embeds"] == []


def upload(payload: Json, content: bytes) -> aiohttp.MultipartWriter:
    """A body as bots send files."""
    writer = aiohttp.MultipartWriter("form-data")
    writer.append_json(payload).set_content_disposition("form-data", name="payload_json")
    part = writer.append(content, {"Content-Type": "application/octet-stream"})
    part.set_content_disposition("form-data", quote_fields=False, name="files[0]", filename="f.bin")
    return writer


async def test_a_file_over_the_limit(rest: Rest, ana: Member) -> None:
    """The server's limit is told with each interaction, and one byte more is 413/40005."""
    rest.server.world.guild.upload_limit = 1000
    interaction = await rest.asked(ana)
    assert interaction["attachment_size_limit"] == 1000
    await rest.answer(interaction, 5)
    original = rest.webhook(interaction, "@original")
    assert refused(await rest("PATCH", original, data=upload({}, b"x" * 1001))) == (413, 40005)
    status, message = await rest("PATCH", original, data=upload({"content": "x"}, b"x" * 1000))
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
    """What a message may not hold is 50035, with the error at its place."""
    status, answer = await rest("POST", f"/channels/{rest.channel('videos')}/messages", body)
    assert (status, answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
    errors = answer["errors"]
    for key in path:
        errors = errors[key]
    assert errors["_errors"][0]["message"]


async def test_an_empty_message(rest: Rest) -> None:
    """Neither text, embed nor file: 50006; a stranger's message is not the bot's to edit: 50005."""
    videos = rest.channel("videos")
    assert refused(await rest("POST", f"/channels/{videos}/messages", {"content": ""})) == (400, 50006)


async def test_a_strangers_message(rest: Rest, ana: Member) -> None:
    """The bot edits only its own messages (50005) and deletes only its own (50013)."""
    said = await ana.say(rest.channel("videos"), "mine")
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
    """What Discord would not register is 50035 under the command's index."""
    status, body = await rest("PUT", f"/applications/{rest.app}/commands", [ECHO | change])
    assert (status, body["code"]) == (400, 50035)
    assert "0" in body["errors"]


async def test_invalid_modals(rest: Rest, ana: Member) -> None:
    """A title over 45 characters and six rows are refused; the interaction can still be answered."""
    interaction = await rest.asked(ana)
    field = {"type": 4, "custom_id": "a", "label": "A", "style": 1}
    rows = [{"type": 1, "components": [field | {"custom_id": str(at)}]} for at in range(6)]
    for modal in ({"title": "x" * 46, "components": rows[:1]}, {"title": "x", "components": rows}):
        assert refused(await rest.answer(interaction, 9, {"custom_id": "m"} | modal)) == (400, 50035)
    status, _ = await rest.answer(interaction, 9, {"custom_id": "m", "title": "x", "components": rows[:5]})
    assert status == 200
    assert refused(await rest.answer(interaction, 6)) == (400, 40060)


async def test_closed_direct_messages(rest: Rest, ana: Member) -> None:
    """A direct message channel always opens; writing into it is 50007 once the member closed it."""
    _, channel = await rest("POST", "/users/@me/channels", {"recipient_id": ana.id})
    path = f"/channels/{channel['id']}/messages"
    status, _ = await rest("POST", path, {"content": "psst"})
    assert status == 200
    await ana.wait_event("channel", lambda it: it["dm"])
    rest.server.world.users[ana.id].dms_open = False
    assert refused(await rest("POST", path, {"content": "psst"})) == (403, 50007)


async def test_rate_limits(rest: Rest) -> None:
    """Five edits in five seconds are told in headers, the sixth is 429; later, or switched off, all pass."""
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
    """Over an hour old, a message's edits by the bot run into 30046."""
    message = await rest.say()
    path = f"/channels/{message['channel_id']}/messages/{message['id']}"
    rest.server.clock.advance(3700)
    answers = [await rest("PATCH", path, {"content": str(at)}) for at in range(4)]
    assert [status for status, _ in answers] == [200, 200, 200, 429]
    assert answers[-1][1]["code"] == 30046


async def test_who_is_pinged(rest: Rest, ana: Member) -> None:
    """The message's `mentions` are those that allowed_mentions lets through."""
    text = f"<@{ana.id}> @everyone"
    assert (await rest.say(content=text, allowed_mentions={"parse": []}))["mentions"] == []
    named = await rest.say(content=text, allowed_mentions={"users": [ana.id]})
    assert [each["id"] for each in named["mentions"]] == [ana.id]
    assert named["mention_everyone"] is False


async def test_links_of_files_end(rest: Rest, ana: Member) -> None:
    """A link works for 24 hours and only unaltered, whole and in ranges; a message's links are always fresh."""
    said = await ana.say(rest.channel("videos"), "", [await ana.upload(b"0123456789", "a.mp4")])
    url = said["attachments"][0]["url"]
    async with rest.http.get(url, headers={"Range": "bytes=2-4"}) as response:
        assert (response.status, await response.read()) == (206, b"234")
    with pytest.raises(PageRefused):
        await ana.fetch(url + "0")
    rest.server.clock.advance(24 * 3600)
    with pytest.raises(PageRefused):
        await ana.fetch(url)
    (fresh,) = await ana.messages("videos")
    assert await ana.fetch(fresh["attachments"][0]["url"]) == b"0123456789"


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
    """HELLO comes first, a heartbeat before the identify is answered, and a bad identify ends the socket."""
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
        ({"text": "x", "times": "2"}, "not of its type"),
        ({"text": "x", "more": "y"}, "no option 'more'"),
    ],
)
async def test_the_page_checks_options(rest: Rest, ana: Member, options: Json, sentence: str) -> None:
    """What Discord's client would not send gets a sentence; `raw` sends it all the same."""
    await rest.registered(ECHO)
    with pytest.raises(PageRefused, match=sentence):
        await ana.command("echo", rest.channel("videos"), **options)
    assert rest.interactions == []
    await ana.command("echo", rest.channel("videos"), raw=True, **options)
    assert len(rest.interactions) == 1


async def test_commands_for_moderators(rest: Rest, ana: Member) -> None:
    """`default_member_permissions` decides who is offered a command, and contexts where it may be used."""
    await rest.registered(ECHO | {"default_member_permissions": str(1 << 5)}, ECHO | {"name": "here", "contexts": [0]})
    assert [each["name"] for each in (await ana.state())["commands"]] == ["here"]
    async with Member(rest.server.url, rest.server.world.user_named("Mia").id) as mia:
        assert [each["name"] for each in (await mia.state())["commands"]] == ["echo", "here"]
    dm = rest.server.world.dm(ana.id)
    with pytest.raises(PageRefused, match="cannot be used here"):
        await ana.command("here", dm.id, text="x")


async def test_channels_are_seen_by_who_may(rest: Rest, ana: Member) -> None:
    """#moderators is Mia's and the bot's alone."""
    names: Callable[[Json], list[str]] = lambda state: [each["name"] for each in state["channels"]]  # noqa: E731
    assert names(await ana.state()) == ["general", "videos", "showcase", "no-files"]
    async with Member(rest.server.url, rest.server.world.user_named("Mia").id) as mia:
        assert "moderators" in names(await mia.state())
    status, _ = await rest("GET", f"/channels/{rest.channel('moderators')}")
    assert status == 200
