"""The form of /extend, and what a member gets back whose request is refused."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.buttons import finished, press_forged, small, told_privately
from tests.support.harness import Harness, Json, text_of, title_of
from tests.support.member import Member
from tests.support.moderation import use


@pytest.fixture
def clip(stage: Harness) -> Path:
    return small(stage.clips)


def field(modal: Json, custom_id: str) -> Json:
    """The modal's component of that name."""
    return next(label["component"] for label in modal["components"] if label["component"]["custom_id"] == custom_id)


async def edit(who: Member, refusal: Json) -> Json:
    """Press Edit and return the modal that opens."""
    return await who.modal(await who.press(refusal, "Edit"))


def order_of(stage: Harness, task_id: int = 1) -> Json:
    """The stored request of a task."""
    orders = stage.database.sql('SELECT CAST("order" AS TEXT) FROM tasks ORDER BY id')
    order: Json = json.loads(orders[task_id - 1][0])
    return order


async def test_extend_without_a_video_opens_a_form(stage: Harness, clip: Path) -> None:
    """The form takes a file and keeps what was typed; its choices decide what is made and who sees it."""
    async with stage.bot():
        place = await stage.ana.channel("videos")
        opened = await stage.ana.command("extend", place, prompt="it snows", seconds=4)
        modal = await stage.ana.modal(opened)
        assert [label["label"] for label in modal["components"]] == [
            "Video",
            "What happens next?",
            "Seconds to add (2–10)",
            "What you get",
            "Show the reply only to me",
        ]
        assert (field(modal, "prompt")["value"], field(modal, "seconds")["value"]) == ("it snows", "4")
        upload = await stage.ana.upload(clip)
        await stage.ana.submit_modal(modal, {"file": [upload], "seconds": "2", "result": "new part", "private": True})
        done = await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
    order = order_of(stage)
    assert done["ephemeral"]
    assert (order["prompt"], order["seconds"], order["result"], order["source_name"]) == (
        "it snows",
        2,
        "new part",
        clip.name,
    )


async def test_a_refusal_gives_the_prompt_back(stage: Harness, clip: Path) -> None:
    """A refused request quotes the prompt as it was written; Edit opens the form filled in, which can be submitted."""
    prompt = "a *bird* sings for <@1> [here](https://x.test)"
    async with stage.bot():
        await use(stage.mia, "limits set", max_seconds=3)
        place, upload = await stage.ana.channel("videos"), await stage.ana.upload(clip)
        await stage.ana.command("extend", place, prompt=prompt, video=upload, seconds=9, result="new part")
        refusal = await told_privately(stage.ana, "At most 3 seconds")
        assert "choose 3 or fewer" in text_of(refusal)
        assert "Your prompt" in text_of(refusal)
        assert not refusal["mentions"]
        modal = await edit(stage.ana, refusal)
        assert field(modal, "prompt")["value"] == prompt
        assert field(modal, "seconds")["value"] == "9"
        assert not field(modal, "file")["required"]
        await stage.ana.submit_modal(modal, {"seconds": "3"})
        await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
        assert stage.discord.faults.matching("DELETE", "@original") == [], "no placeholder had to be removed"
    order = order_of(stage)
    assert (order["prompt"], order["seconds"], order["result"]) == (prompt, 3, "new part")
    assert len(stage.fox.payments) == 1


async def test_another_video_after_a_wrong_link(stage: Harness, clip: Path) -> None:
    """Text that is no link is refused privately; the form then takes a file instead."""
    async with stage.bot():
        place = await stage.ana.channel("videos")
        await stage.ana.command("extend", place, prompt="it rains", link="my holidays")
        refusal = await told_privately(stage.ana, "“my holidays” is not a link to a video")
        modal = await edit(stage.ana, refusal)
        assert field(modal, "file")["required"]
        await stage.ana.submit_modal(modal, {"file": [await stage.ana.upload(clip)], "seconds": "2"})
        await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
    assert order_of(stage)["prompt"] == "it rains"


async def test_a_second_refusal_keeps_the_changes(stage: Harness, clip: Path) -> None:
    """What was changed in the form is kept when it is refused again, the chosen file included."""
    async with stage.bot():
        place = await stage.ana.channel("videos")
        modal = await stage.ana.modal(await stage.ana.command("extend", place, prompt="it rains"))
        values: Json = {"file": [await stage.ana.upload(clip)], "prompt": "hail", "seconds": "77"}
        await stage.ana.submit_modal(modal, values)
        modal = await edit(stage.ana, await told_privately(stage.ana, "FoxAPI adds 2 to 10 seconds"))
        assert (field(modal, "prompt")["value"], field(modal, "seconds")["value"]) == ("hail", "77")
        await stage.ana.submit_modal(modal, {"seconds": "2"})
        await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
    assert order_of(stage)["source_name"] == clip.name


@pytest.mark.parametrize("label", ["Extend further", "New take"])
async def test_a_refused_form_of_a_button_gives_the_prompt_back(stage: Harness, label: str) -> None:
    """The forms of a finished reply do the same, and the lineage is kept."""
    async with stage.bot():
        done = await finished(stage)
        modal = await stage.ana.modal(await stage.ana.press(done, label))
        await stage.ana.submit_modal(modal, {"prompt": "then it hails", "seconds": "99"})
        modal = await edit(stage.ana, await told_privately(stage.ana, "FoxAPI adds 2 to 10 seconds"))
        assert field(modal, "prompt")["value"] == "then it hails"
        await stage.ana.submit_modal(modal, {"seconds": "2"})
        await stage.ana.wait_message(lambda it: "then it hails" in text_of(it) and title_of(it) == "Finished")
    assert order_of(stage, 2)["part"] == (2 if label == "Extend further" else 1)


async def test_what_can_be_refused_before_a_form_is_refused_then(stage: Harness, clip: Path) -> None:
    """While the bot is paused, no form opens for a request that could only be refused."""
    async with stage.bot():
        done = await finished(stage)
        posted = await stage.ben.say(await stage.ben.channel("videos"), "my clip", [await stage.ben.upload(clip)])
        await use(stage.mia, "limits pause", reason="cleaning")
        await stage.ben.command("extend", posted["channel_id"], prompt="it snows")
        assert "it snows" in text_of(await told_privately(stage.ben, "cleaning"))
        await refused(stage.ben, stage.ben.menu("Extend video", posted))
        await refused(stage.ana, stage.ana.press(done, "Extend further"))
        await refused(stage.ana, stage.ana.press(done, "New take"))


async def refused(who: Member, asking: Awaitable[str]) -> None:
    """Wait for a new refusal."""
    known = set(who.seen)
    await asking
    await who.wait_message(lambda it: it["id"] not in known and "cleaning" in text_of(it))


async def test_a_link_to_a_message_with_several_videos_asks_which(stage: Harness, clip: Path) -> None:
    """The refusal says how many there are; Edit lists them, and the chosen one is extended."""
    (stage.folder / "second.mp4").write_bytes(clip.read_bytes())
    async with stage.bot():
        place = await stage.ben.channel("videos")
        uploads = [await stage.ben.upload(each) for each in (clip, stage.folder / "second.mp4")]
        posted = await stage.ben.say(place, f"<@{stage.discord.world.application_id}> my clips", uploads)
        link = f"https://discord.com/channels/{stage.discord.world.guild.id}/{place}/{posted['id']}"
        await stage.ana.command("extend", place, prompt="it snows", link=link, seconds=2)
        modal = await edit(stage.ana, await told_privately(stage.ana, "That message has 2 videos"))
        assert [each["label"] for each in field(modal, "which")["options"]] == [f"1. {clip.name}", "2. second.mp4"]
        await stage.ana.submit_modal(modal, {"which": ["2"]})
        await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
    assert order_of(stage)["source_name"] == "second.mp4"


async def test_a_bare_link_to_a_file_of_discord_is_signed_first(stage: Harness, clip: Path) -> None:
    """A link that was copied without its signature does not work; the bot asks Discord for one that does."""
    async with stage.bot():
        place = await stage.ben.channel("videos")
        posted = await stage.ben.say(place, "my clip", [await stage.ben.upload(clip)])
        bare = urlsplit(posted["attachments"][0]["url"])._replace(query="").geturl()
        await stage.ana.command("extend", place, prompt="it snows", link=bare, seconds=2)
        await stage.ana.wait_message(lambda it: title_of(it) == "Finished")
    assert len(stage.discord.faults.matching("POST", "/attachments/refresh-urls$")) == 1


async def test_somebody_elses_draft_is_not_opened(stage: Harness) -> None:
    """A forged press with the custom_id of another member's Edit button is refused like an unknown one."""
    async with stage.bot():
        place = await stage.ana.channel("videos")
        await stage.ana.command("extend", place, prompt="a secret", link="none")
        refusal = await told_privately(stage.ana, "is not a link")
        done = await finished(stage)
        custom_id = refusal["components"][0]["components"][0]["custom_id"]
        await press_forged(stage, stage.ben, done, custom_id)
        await told_privately(stage.ben, "no longer has this form")


async def test_edit_half_an_hour_later(stage: Harness) -> None:
    """A refused request is not kept for ever; its member is told to copy the prompt."""
    async with stage.bot():
        await stage.ana.command("extend", await stage.ana.channel("videos"), prompt="it hails", link="none")
        refusal = await told_privately(stage.ana, "is not a link")
        stage.clock.advance(1801)
        await stage.ana.press(refusal, "Edit")
        await told_privately(stage.ana, "Copy your prompt from above")


async def test_edit_after_a_restart(stage: Harness) -> None:
    """The form is gone after a restart, and the prompt is still there to be copied."""
    async with stage.bot():
        place = await stage.ana.channel("videos")
        await stage.ana.command("extend", place, prompt="it hails", link="none")
        refusal = await told_privately(stage.ana, "is not a link")
        assert "it hails" in text_of(refusal)
    async with stage.bot():
        await stage.ana.press(refusal, "Edit")
        await told_privately(stage.ana, "Copy your prompt from above")


async def test_a_form_that_expired_quotes_what_was_typed(stage: Harness) -> None:
    """A form that was open during a restart is lost; its text comes back privately."""
    async with stage.bot():
        done = await finished(stage)
        modal = await stage.ana.modal(await stage.ana.press(done, "Extend further"))
    async with stage.bot():
        await stage.ana.submit_modal(modal, {"prompt": "a long story about a bird", "seconds": "2"})
        assert "a long story about a bird" in text_of(await told_privately(stage.ana, "That form has expired"))


async def test_several_reasons_are_listed_with_their_times(stage: Harness, clip: Path) -> None:
    """The cooldown and the daily limit are a list of two, each with its own time."""
    async with stage.bot():
        await use(stage.mia, "limits set", cooldown=120, user_per_day=1)
        await finished(stage)
        place, upload = await stage.ana.channel("videos"), await stage.ana.upload(clip)
        await stage.ana.command("extend", place, prompt="it snows", video=upload, seconds=2)
        refusal = await told_privately(stage.ana, "120 seconds between the starts")
    reasons = refusal["content"].split("\n")
    assert len(reasons) == 2
    assert all(reason.startswith("- ") and reason.endswith(":R>.") for reason in reasons)
    assert "1 video in 24 hours" in reasons[1]
    assert reasons[0].split("<t:")[1] < reasons[1].split("<t:")[1]


async def test_a_command_that_comes_while_the_bot_stops(stage: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """A command that is no longer known gets a sentence that says when to try again, and no traceback."""
    async with stage.bot() as bot:
        bot.tree.remove_command("quota")
        await stage.ana.command("quota", await stage.ana.channel("videos"))
        await told_privately(stage.ana, "The bot is being restarted or updated")
        assert "an interaction went wrong" not in caplog.text
