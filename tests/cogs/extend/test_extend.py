"""/extend end to end: a member's command, one reply with progress, and the finished video in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks
from tests.support.clips import seconds_of
from tests.support.harness import CREATE, Harness, labels_of, percent_of, text_of, title_of


@pytest.mark.both_engines
async def test_an_attached_clip_comes_back_longer(stage: Harness) -> None:
    """One reply shows prompt, member, lengths and progress, and ends with the longer video attached and playable."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, "it *rains* @everyone", seconds=2)
        seen = await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and (percent_of(it) or 0) >= 40)
        assert "it \\*rains\\* @" in text_of(seen)
        assert f"<@{stage.ana.id}>" in text_of(seen)
        assert "your 3 s + 2 s new" in text_of(seen)
        halfway.release.set()
        done = await stage.until(stage.ana, reply, "Finished")
        assert len(done["attachments"]) == 1
        assert done["mentions"] == []
        film = await stage.ana.fetch(done["attachments"][0]["url"])
    assert abs(seconds_of(film, stage.folder) - 5) < 0.2
    assert len(await stage.ana.messages("videos")) == 1


async def test_the_one_paid_request_is_as_documented(stage: Harness) -> None:
    """One POST per task, with the documented body and the clip's own address; only Authorization holds the key."""
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, "a cat jumps", seconds=3)
        await stage.until(stage.ana, reply, "Finished")
    (paid,) = stage.fox.faults.matching("POST", CREATE)
    body = json.loads(paid.body)
    assert body.pop("video_url").startswith(f"{stage.discord.url}/cdn/")
    assert body == {"model": "grok-imagine-video-extension", "prompt": "a cat jumps", "duration": 3}
    assert len(stage.fox.payments) == 1
    for call in stage.fox.faults.calls + stage.discord.faults.calls:
        told = [value for name, value in call.headers.items() if name.lower() != "authorization"]
        assert stage.fox.key not in "".join([call.path, call.query, call.body.decode("latin-1"), *told])
    results = [call for call in stage.fox.faults.calls if call.path.startswith("/results/")]
    assert results
    assert not any("Authorization" in call.headers for call in results)


async def test_a_link_is_fetched(stage: Harness) -> None:
    """A plain link to a video works like an attachment."""
    async with stage.bot():
        channel = await stage.ana.channel("videos")
        posted = await stage.ben.say(channel, "look", [await stage.ben.upload(stage.clips.plain)])
        await stage.ana.command("extend", channel, prompt="go on", link=posted["attachments"][0]["url"], seconds=2)
        done = await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
    assert done["attachments"]


async def test_a_message_link_to_the_bots_own_result_works(stage: Harness) -> None:
    """A Discord message link is resolved to the video in that message, if the bot can read it."""
    async with stage.bot():
        first = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.until(stage.ana, first, "Finished")
        channel = await stage.ana.channel("videos")
        guild = stage.discord.world.guild.id
        link = f"https://discord.com/channels/{guild}/{channel}/{first['id']}"
        await stage.ana.command("extend", channel, prompt="go on", link=link, seconds=2)
        await stage.ana.wait_message(lambda it: it["id"] != first["id"] and title_of(it) == "Finished")


async def test_the_message_menu_extends_a_members_clip(stage: Harness) -> None:
    """The message command "Extend video" opens a modal for the rest, and the reply continues as usual."""
    async with stage.bot():
        channel = await stage.ben.channel("general")
        posted = await stage.ben.say(channel, "my clip", [await stage.ben.upload(stage.clips.plain)])
        asked = await stage.ana.modal(await stage.ana.menu("Extend video", posted))
        await stage.ana.submit_modal(asked, {"prompt": "it snows", "seconds": "2"})
        done = await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
    assert done["attachments"]
    assert "it snows" in text_of(done)


async def test_the_message_menu_asks_which_of_several_videos(stage: Harness, tmp_path: Path) -> None:
    """A message with two videos: the modal lists both by name, and the chosen one is extended."""
    (tmp_path / "second.mp4").write_bytes(stage.clips.plain.read_bytes())
    async with stage.bot():
        channel = await stage.ben.channel("general")
        uploads = [await stage.ben.upload(each) for each in (stage.clips.plain, tmp_path / "second.mp4")]
        posted = await stage.ben.say(channel, "my clips", uploads)
        asked = await stage.ana.modal(await stage.ana.menu("Extend video", posted))
        which = asked["components"][0]["component"]
        assert [each["label"].partition(" ")[2] for each in which["options"]][1] == "second.mp4"
        await stage.ana.submit_modal(asked, {"prompt": "it snows", "seconds": "2", "which": ["2"]})
        await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
    ((order,),) = stage.database.sql('SELECT CAST("order" AS TEXT) FROM tasks')
    assert json.loads(order)["source_name"] == "second.mp4"


async def test_a_private_reply_is_seen_by_its_member_alone(stage: Harness) -> None:
    """With private:True, everything is ephemeral, including the video."""
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2, private=True)
        done = await stage.until(stage.ana, reply, "Finished")
        assert done["ephemeral"]
        assert done["attachments"]
    assert await stage.ben.messages("videos") == []


async def test_a_stop_and_a_start_in_the_middle_lose_nothing(stage: Harness) -> None:
    """After a normal shutdown and restart while FoxAPI renders, the same reply continues, and nothing is paid twice."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await halfway.reached.wait()
        await stage.until(stage.ana, reply, "Rendering")
    halfway.release.set()
    async with stage.bot():
        done = await stage.until(stage.ana, reply, "Finished")
    assert done["attachments"]
    assert len(await stage.ana.messages("videos")) == 1
    assert len(stage.fox.payments) == 1


async def test_tasks_lists_ones_own(stage: Harness) -> None:
    """/tasks shows the member's tasks with states and jump links, ephemerally; another member sees none of them."""
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, "a dog swims", seconds=2)
        await stage.until(stage.ana, reply, "Finished")
        channel = await stage.ana.channel("general")
        await stage.ana.command("tasks", channel)
        listed = await stage.ana.wait_message(lambda it: "Your tasks" in text_of(it))
        await stage.ben.command("tasks", channel)
        empty = await stage.ben.wait_message(lambda it: "Your tasks" in text_of(it))
    assert listed["ephemeral"]
    assert reply["id"] in text_of(listed)
    assert "a dog swims" in text_of(listed)
    assert "no tasks yet" in text_of(empty)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure("content_policy_violation", "no"), "moderation refused"),
        (Failure("brand_new", "The moon is *full*"), "The moon is"),
    ],
)
async def test_a_failed_task_ends_with_its_reason(stage: Harness, failure: Failure, words: str) -> None:
    """If FoxAPI fails a task, the reply says why and does not claim anything about billing."""
    stage.fox.next_quirks = Quirks(failure=failure)
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain)
        ended = await stage.until(stage.ana, reply, "Failed")
    assert words in text_of(ended)
    assert "may have been billed" in text_of(ended)
    assert "refund" not in text_of(ended)
    assert labels_of(ended) == ["New take", "Delete"]


async def test_commands_are_registered_once(stage: Harness) -> None:
    """A second start with the same commands does not register them again; `sync` always does."""
    bulk = "/applications/.*/commands"
    async with stage.bot():
        pass
    async with stage.bot() as bot:
        assert len(stage.discord.faults.matching("PUT", bulk)) == 1
        assert await bot.sync() == len(bot.tree.get_commands(type=None))
    assert len(stage.discord.faults.matching("PUT", bulk)) == 2
