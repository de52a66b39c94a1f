"""After "Delete my data" nothing shows or sends the videos any more; Delete on one's own reply still works."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.faults import Answer
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.buttons import finished, gone, listed, press_forged, says, told_privately
from tests.support.crash_points import POST, until
from tests.support.fast_timeouts import FAST
from tests.support.harness import Harness, Json, labels_of, text_of
from tests.support.member import Member
from tests.support.moderation import use
from tests.support.sharing import channel, posts_in, share

UNKNOWN = "I no longer know that task."
NO_RECORD = "no longer has a record of that video"
NOT_MINE = "You have no task 1"


def kept(stage: Harness) -> list[str]:
    """Return the names of the stored files."""
    return sorted(each.name for each in (stage.data / "kept").iterdir())


async def delete_data(who: Member) -> Json:
    """Confirm in /privacy and return the answer."""
    told = await use(who, "privacy")
    known = set(who.seen)
    await who.press(told, "Delete my data…")
    asked = await who.wait_message(lambda it: it["id"] not in known)
    await who.press(asked, "Delete it")
    return await says(who, asked, "Deleted.")


async def test_a_refused_request_is_forgotten(stage: Harness) -> None:
    """After "Delete my data" the Edit button of an earlier refusal no longer opens the prompt."""
    async with stage.bot():
        await stage.ana.command("extend", await stage.ana.channel("videos"), prompt="a secret", link="none")
        refusal = await told_privately(stage.ana, "is not a link")
        await delete_data(stage.ana)
        await stage.ana.press(refusal, "Edit")
        await told_privately(stage.ana, "no longer has this form")


async def told_anew(who: Member, known: set[str], words: str) -> Json:
    """Wait for a new private message with these words."""
    return await who.wait_message(lambda it: it["id"] not in known and it["ephemeral"] and words in text_of(it))


async def test_no_button_and_no_command_gives_the_film_any_more(stage: Harness) -> None:
    """Everything that worked before is refused, for the member and for others, and the files are gone."""
    async with stage.bot():
        done = await finished(stage)
        opened = await listed(stage.ana, id="1")
        assert "Send again" in labels_of(opened)
        await share(stage.ana, done, channel(stage, "general"))
        (post,) = await posts_in(stage.ben, channel(stage, "general"))
        theirs = await stage.until(stage.ben, done, "Finished")
        await delete_data(stage.ana)
        assert kept(stage) == []
        tried: list[tuple[Member, Json, str, str]] = [
            (stage.ana, opened, "Send again", NOT_MINE),
            (stage.ana, opened, "Extend further", UNKNOWN),
            (stage.ana, opened, "New take", UNKNOWN),
            (stage.ana, opened, "Share", "I no longer have that result."),
            (stage.ana, done, "Extend further", UNKNOWN),
            (stage.ben, theirs, "Extend further", UNKNOWN),
            (stage.ben, post, "Extend further", UNKNOWN),
        ]
        for who, message, label, words in tried:
            known = set(who.seen)
            await who.press(message, label)
            await told_anew(who, known, words)
        for shown in (theirs, post):
            known = set(stage.ben.seen)
            await stage.ben.menu("Extend video", shown)
            await told_anew(stage.ben, known, NO_RECORD)
            known = set(stage.ben.seen)
            link = f"https://discord.com/channels/{stage.discord.world.guild.id}/{shown['channel_id']}/{shown['id']}"
            await stage.ben.command("extend", shown["channel_id"], prompt="go on", link=link)
            await told_anew(stage.ben, known, NO_RECORD)
        assert NOT_MINE in text_of(await listed(stage.ana, id="1"))
        assert "no tasks yet" in text_of(await listed(stage.ana))
        await stage.ben.react(post, "⭐")
        stage.clock.advance(600)
        assert (await use(stage.ben, "gallery"))["embeds"] == []
    assert len(stage.fox.payments) == 1


async def test_a_form_that_was_open_meanwhile_is_refused(stage: Harness) -> None:
    """If Extend further was opened before the deletion and submitted afterwards, nothing is started."""
    async with stage.bot():
        done = await finished(stage)
        theirs = await stage.until(stage.ben, done, "Finished")
        modal = await stage.ben.modal(await stage.ben.press(theirs, "Extend further"))
        await delete_data(stage.ana)
        await stage.ben.submit_modal(modal, {"prompt": "go on", "seconds": "2"})
        await told_privately(stage.ben, UNKNOWN)
    assert len(stage.fox.payments) == 1


async def test_what_still_ran_is_erased_when_it_has_ended(stage: Harness) -> None:
    """An unfinished task is delivered; then its video is not kept and cannot be opened, even before a clean-up."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot() as bot:
        running = await stage.extend(stage.ana, stage.clips.plain, "my secret", seconds=2)
        await stage.until(stage.ana, running, "Rendering")
        await delete_data(stage.ana)
        halfway.release.set()
        done = await stage.recorded(await stage.until(stage.ana, running, "Finished"))
        assert done["attachments"]
        assert not (stage.data / "kept" / "1.mp4").exists()
        assert NOT_MINE in text_of(await listed(stage.ana, id="1"))
        assert await bot.services.history.search(int(stage.ana.id), "secret") == []


@pytest.mark.parametrize("private", [False, True])
async def test_delete_goes_on_working_on_ones_own_reply(stage: Harness, private: bool) -> None:
    """Without the record, the message alone says whose it is: its member can delete it, also after a restart."""
    async with stage.bot():
        done = await finished(stage, private=private)
        await delete_data(stage.ana)
    async with stage.bot():
        await stage.ana.press(done, "Delete")
        if not private:
            asked = await told_privately(stage.ana, "It cannot be undone.")
            await stage.ana.press(asked, "Delete it")
            await says(stage.ana, asked, "Deleted.")
        await gone(stage.ana, done)


async def test_delete_on_a_reply_without_a_record_is_not_for_strangers(stage: Harness) -> None:
    """Others cannot delete it, with the button or a hand-made answer, and no other message of the bot can be named."""
    async with stage.bot():
        done = await finished(stage)
        other = await finished(stage, stage.ben)
        await delete_data(stage.ana)
        theirs = await stage.until(stage.ben, done, "Finished")
        await stage.ben.press(theirs, "Delete")
        await told_privately(stage.ben, "Only the member who made that video")
        for custom_id, words in (
            (f"delete:1:{done['id']}", "Only the member who made that video"),
            (f"delete:1:{other['id']}", UNKNOWN),
            (f"delete:2:{done['id']}", UNKNOWN),
        ):
            known = set(stage.ben.seen)
            await press_forged(stage, stage.ben, other, custom_id)
            await told_anew(stage.ben, known, words)
        assert {done["id"], other["id"]} <= {each["id"] for each in await stage.ben.messages("videos")}
        moderators = await stage.until(stage.mia, done, "Finished")
        await stage.mia.press(moderators, "Delete")
        asked = await told_privately(stage.mia, "It cannot be undone.")
        await stage.mia.press(asked, "Delete it")
        await gone(stage.ana, done)


async def test_private_and_deleted_prompts_are_in_no_log_channel(stage: Harness) -> None:
    """The log shows who and how it ended, but no prompt, for private tasks and for members who deleted their data."""
    log_channel = stage.discord.world.add_channel(stage.discord.world.guild, "log")
    halfway = Pause(at=40)
    async with stage.bot():
        await use(stage.mia, "limits log", channel=log_channel.id)
        await use(stage.mia, "limits set", max_seconds=5)
        panel = await use(stage.mia, "limits show")
        assert panel
        await finished(stage, prompt="hush one", private=True)
        channel_id = await stage.ana.channel("videos")
        upload = await stage.ana.upload(stage.clips.plain)
        await stage.ana.command("extend", channel_id, prompt="hush two", video=upload, seconds=9, private=True)
        await told_privately(stage.ana, "At most 5 seconds")
        stage.fox.next_quirks = Quirks(pause=halfway)
        running = await stage.extend(stage.ana, stage.clips.plain, "hush three", seconds=2)
        await stage.until(stage.ana, running, "Rendering")
        await delete_data(stage.ana)
        halfway.release.set()
        await stage.until(stage.ana, running, "Finished")
        await finished(stage, stage.ben, prompt="said aloud")
        await stage.mia.wait_message(lambda it: it["channel_id"] == log_channel.id and "said aloud" in text_of(it))
        told = "\n".join(text_of(each) for each in await stage.mia.messages("log"))
    assert "hush" not in told
    assert told.count("private") == 3
    assert "At most 5 seconds" in told
    assert told.count(f"<@{stage.ana.id}>") == 3
    assert "[task 1]" not in told


@pytest.mark.parametrize("minutes", [0, 25 * 60], ids=["at once", "a day later"])
async def test_a_mention_that_is_due_ends_with_the_data(stage: Harness, minutes: int) -> None:
    """The member is not mentioned any more, and nothing goes on working on the task."""
    stage.discord.faults.add("POST", POST, Answer(503, "{}"), times=None)
    async with stage.bot(FAST) as bot:
        await use(stage.ana, "notify", mode="always")
        done = await finished(stage)
        await stage.discord.faults.wait("POST", POST, count=2)
        stage.clock.advance(60 * minutes)
        await delete_data(stage.ana)
        await until(lambda: not [each for each in asyncio.all_tasks() if each.get_name() == "task 1"])
        assert await bot.services.history.is_known(1) is False
    assert not [each for each in await stage.ana.messages("videos") if each["id"] != done["id"]]
