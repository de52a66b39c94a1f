"""The unmodified discord.py works against the Discord fake."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from discord import app_commands

from tests.support.discord_client import Bot, open_library
from tests.support.member import Member, PageRefused
from tests.support.world import find_channel, find_user


@pytest.fixture
async def bot(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    """A new server and client for each test."""
    async with open_library(monkeypatch) as client:
        yield client


async def test_a_command_is_deferred_edited_and_gets_its_file(bot: Bot) -> None:
    """A reply goes from thinking to text and embed, and then gets the file that was attached to the command."""

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

    await bot.begin()
    videos = await bot.ana.channel("videos")
    upload = await bot.ana.upload(b"\x00" * 5000, "my clip.mp4")
    interaction_id = await bot.ana.command("extend", videos, prompt="*rain*", video=upload)
    await bot.ana.wait_event("interaction_done", lambda it: it["interaction_id"] == interaction_id)
    message = await bot.ana.wait_message(lambda it: it["content"] == "done")
    states = [each["d"] for each in bot.ana.events if each["t"] == "message"]
    assert [each["loading"] for each in states] == [True, False, False]
    assert message["embeds"][0]["title"] == "*rain*"
    assert message["interaction"]["name"] == "extend"
    assert await bot.ana.fetch(message["attachments"][0]["url"]) == b"\x00" * 5000
    assert message["attachments"][0]["content_type"] == "video/mp4"
    await bot.close()
    await bot.ana.wait_event("bot", lambda it: not it["online"])


async def test_the_bot_path_works_without_cache(bot: Bot) -> None:
    """A message is sent, edited through partial objects, keeps and drops its files, and gets reactions."""
    await bot.begin()
    world = bot.server.world
    place = bot.get_partial_messageable(int(find_channel(world, "videos").id), guild_id=int(world.guild.id))
    sent = await place.send("one", file=discord.File(io.BytesIO(b"a"), "a.txt"), nonce="7")
    again = await place.send("one", nonce="7")
    assert again.id == sent.id
    partial = place.get_partial_message(sent.id)
    kept = await partial.edit(content="two")
    assert [each.filename for each in kept.attachments] == ["a.txt"]
    both = await partial.edit(attachments=[kept.attachments[0], discord.File(io.BytesIO(b"b"), "b.txt")])
    assert [each.filename for each in both.attachments] == ["a.txt", "b.txt"]
    assert (await partial.edit(attachments=[])).attachments == []
    await bot.ana.react(await bot.ana.wait_message(lambda it: it["id"] == str(sent.id)), "⭐")
    fetched = await partial.fetch()
    assert [(each.emoji, each.count, each.me) for each in fetched.reactions] == [("⭐", 1, False)]
    await partial.delete()
    await bot.ana.wait_event("message_delete", lambda it: it["id"] == str(sent.id))


async def test_buttons_selects_and_modals(bot: Bot) -> None:
    """A button opens a modal, submitting the modal edits the message, and a select gets a private response."""

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

    await bot.begin()
    await bot.ana.command("show", await bot.ana.channel("general"))
    message = await bot.ana.wait_message(lambda it: it["content"] == "here")
    modal = await bot.ana.modal(await bot.ana.press(message, "Again"))
    assert modal["title"] == "Again"
    with pytest.raises(PageRefused, match="characters"):
        await bot.ana.submit_modal(modal, {"text": "x"})
    await bot.ana.submit_modal(modal, {"text": "rain"})
    assert (await bot.ana.wait_message(lambda it: it["content"] == "rain"))["id"] == message["id"]
    await bot.ana.choose(message, "pick", ["B"])
    private = await bot.ana.wait_message(lambda it: it["content"] == "picked B")
    assert private["ephemeral"]
    async with Member(bot.server.url, find_user(bot.server.world, "Ben").id) as ben:
        assert private["id"] not in [each["id"] for each in await ben.messages("general")]


async def test_a_message_menu_gives_what_the_intent_hides(bot: Bot) -> None:
    """Other users' messages are empty for the bot, but a message command gets them in full, forwards too."""
    got: asyncio.Queue[discord.Message] = asyncio.Queue()

    @bot.tree.context_menu(name="Extend video")
    async def extend(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message("ok", ephemeral=True)
        got.put_nowait(message)

    await bot.begin()
    videos = await bot.ana.channel("videos")
    said = await bot.ana.say(videos, "look", [await bot.ana.upload(b"x", "clip.mp4")])
    hidden = await bot.get_partial_messageable(int(videos)).fetch_message(int(said["id"]))
    assert (hidden.content, hidden.attachments) == ("", [])
    await bot.ana.menu("Extend video", said)
    whole = await got.get()
    assert (whole.content, whole.attachments[0].filename) == ("look", "clip.mp4")
    await bot.ana.menu("Extend video", await bot.ana.forward(said, await bot.ana.channel("general")))
    assert (await got.get()).message_snapshots[0].attachments[0].filename == "clip.mp4"


async def test_direct_messages(bot: Bot) -> None:
    """A command works in the member's direct messages with the bot, and the bot can write there first."""

    @bot.tree.command(description="Where")
    async def where(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"dm: {interaction.context.dm_channel}, guild: {interaction.guild}")

    await bot.begin()
    member = await bot.fetch_user(int(bot.ana.id))
    await member.send("hello")
    channel_id = (await bot.ana.wait_message(lambda it: it["content"] == "hello"))["channel_id"]
    await bot.ana.command("where", channel_id)
    await bot.ana.wait_message(lambda it: it["content"] == "dm: True, guild: None")


async def test_autocomplete(bot: Bot) -> None:
    """The typed text reaches the bot, and the bot's choices reach the page."""

    @bot.tree.command(description="Finds")
    async def find(interaction: discord.Interaction, name: str) -> None:
        """Only its autocomplete is used here."""

    @find.autocomplete("name")
    async def names(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=current.upper(), value=current)]

    await bot.begin()
    choices = await bot.ana.autocomplete("find", await bot.ana.channel("general"), "name", name="ra")
    assert choices == [{"name": "RA", "value": "ra"}]


async def test_a_session_is_resumed_with_what_it_missed(bot: Bot) -> None:
    """After a reconnect or a dropped connection the session resumes, and an interaction sent meanwhile arrives."""

    @bot.tree.command(description="Answers")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    await bot.begin()
    bot.server.gateway.reconnect()
    await bot.resumed.wait()
    bot.resumed.clear()
    general = await bot.ana.channel("general")
    await bot.server.gateway.drop()
    await bot.ana.command("ping", general)
    await bot.resumed.wait()
    await bot.ana.wait_message(lambda it: it["content"] == "pong")


async def test_an_invalid_session_is_begun_anew(bot: Bot) -> None:
    """After opcode 9 discord.py identifies again and is ready a second time."""
    await bot.begin()
    waiting = bot.wait_for("ready", timeout=10)
    bot.server.gateway.invalidate()
    await waiting


async def test_the_bot_hears_of_lost_places(bot: Bot) -> None:
    """A deleted channel and a kick reach discord.py as events."""
    await bot.begin()
    bot.server.world.remove_channel(find_channel(bot.server.world, "showcase").id)
    assert await bot.notices.get() == "lost showcase"
    bot.server.world.remove_bot(bot.server.world.guild.id)
    assert await bot.notices.get() == "left Film Club"


async def test_a_wrong_token_is_a_login_failure(bot: Bot) -> None:
    """A wrong token gets 401, which discord.py reports as a failed login."""
    with pytest.raises(discord.LoginFailure):
        await bot.start(bot.server.world.token + "x")
