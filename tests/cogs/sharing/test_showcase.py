"""/showcase: who may choose it, and a showcase that is deleted or loses its permissions."""

from __future__ import annotations

import asyncio

import pytest

from bot.client import ExtendBot
from bot.sandbox.discord.state import permissions
from bot.sandbox.discord.state.model import Overwrite
from bot.sandbox.faults import Answer
from tests.support.buttons import told_privately
from tests.support.fast_timeouts import tiny
from tests.support.harness import Harness, text_of
from tests.support.sharing import channel, choose_showcase, finished, posts_in, share
from tests.support.world import find_channel


async def test_only_moderators_choose_the_showcase(stage: Harness) -> None:
    """The handler checks Manage Server itself, and the bot's permissions in the channel."""
    async with stage.bot():
        with pytest.raises(KeyError):
            await stage.ana.command("showcase", channel(stage, "general"))
        offered = next(each for each in (await stage.mia.state())["commands"] if each["name"] == "showcase")
        body = {"channel_id": channel(stage, "general"), "command_id": offered["id"], "type": 1, "options": []}
        await stage.ana._post("command", body, raw=True)
        await stage.ana.wait_message(lambda it: "Only members with Manage Server" in text_of(it))
        known = set(stage.mia.seen)
        await stage.mia.command("showcase", channel(stage, "general"), channel=channel(stage, "no-files"))
        word = await stage.mia.wait_message(lambda it: it["id"] not in known and "The bot lacks" in text_of(it))
        assert word["ephemeral"]
        await choose_showcase(stage, channel(stage, "showcase"))
        known = set(stage.mia.seen)
        await stage.mia.command("showcase", channel(stage, "general"), off=True)
        await stage.mia.wait_message(lambda it: it["id"] not in known and "has no showcase" in text_of(it))


async def test_a_deleted_showcase(stage: Harness) -> None:
    """The modal says that the showcase is gone and offers other channels; the moderator is told to choose another."""
    showcase = channel(stage, "showcase")
    async with stage.bot() as bot:
        await choose_showcase(stage, showcase)
        reply = await finished(stage, stage.ana)
        await delete_channel(stage, bot, showcase)
        modal = await stage.ana.modal(await stage.ana.press(reply, "Share"))
        assert "This server's showcase is gone" in str(modal)
        assert not modal["components"][0]["component"].get("default_values")
        await stage.mia.command("showcase", channel(stage, "moderators"))
        await told_privately(stage.mia, "This server's showcase is gone: choose another with /showcase.")
        word = await share(stage.ana, reply, channel(stage, "general"))
    assert text_of(word).startswith("Shared: ")


async def test_a_deleted_showcase_seen_from_a_direct_message(stage: Harness) -> None:
    """In a direct message, an open modal and a new press both end in a sentence that says what to do."""
    showcase, sentence = channel(stage, "showcase"), "that server's showcase is gone: ask a moderator to choose another"
    stage.discord.faults.add("PATCH", r"/webhooks/", Answer(401, '{"message": "Invalid", "code": 50027}'), times=None)
    async with stage.bot() as bot:
        await choose_showcase(stage, showcase)
        await stage.extend(stage.ana, tiny(stage.clips), seconds=2, private=True)
        sent = await stage.ana.wait_message(lambda it: "Finished" in text_of(it) and bool(it["attachments"]), 20)
        stage.discord.faults.clear()
        modal = await stage.ana.modal(await stage.ana.press(await stage.recorded(sent), "Share"))
        await delete_channel(stage, bot, showcase)
        await stage.ana.submit_modal(modal, {"prompt": ["show"]})
        first = await stage.ana.wait_message(lambda it: sentence in text_of(it))
        await stage.ana.press(sent, "Share")
        await stage.ana.wait_message(lambda it: it["id"] != first["id"] and sentence in text_of(it))


async def delete_channel(stage: Harness, bot: ExtendBot, place: str) -> None:
    """Delete that channel and wait until the bot has received the event."""
    event = asyncio.create_task(bot.wait_for("guild_channel_delete", timeout=10))
    await asyncio.sleep(0)
    stage.discord.world.remove_channel(place)
    await event


async def test_a_showcase_where_the_bot_lost_its_permissions(stage: Harness) -> None:
    """The member and the moderator learn which permissions are missing; a failed Unshare does not claim success."""
    world, showcase = stage.discord.world, channel(stage, "showcase")
    async with stage.bot():
        await choose_showcase(stage, showcase)
        reply = await finished(stage, stage.ana)
        word = await share(stage.ana, reply, showcase)
        lost = permissions.ATTACH_FILES | permissions.VIEW_CHANNEL
        find_channel(world, "showcase").overwrites = [Overwrite(world.bot.id, 1, deny=lost)]
        await stage.ana.press(word, "Unshare")
        await told_privately(stage.ana, "The bot no longer has access to that channel.")
        assert len(await posts_in(stage.ben, showcase)) == 1
    async with stage.bot():
        word = await share(stage.ana, reply, showcase)
        assert f"in <#{showcase}>" in text_of(word)
        await stage.mia.command("showcase", channel(stage, "moderators"))
        told = await told_privately(stage.mia, "The bot lacks the permission")
    assert "View Channel" in text_of(told)
    assert "ask a moderator to grant it" in text_of(told)
