"""Delete by the creator or a moderator, after one question; nothing brings the reply back. And Try again."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.sandbox.discord.state.model import Overwrite
from bot.sandbox.discord.state.permissions import MANAGE_MESSAGES, TALK
from bot.sandbox.faults import Action, Answer, Reset
from bot.sandbox.foxapi.quirks import Failure, Pause, Quirks
from tests.support.buttons import DAY, MINUTE, filled, finished, gone, listed, press_forged, says, small, told_privately
from tests.support.harness import Harness, Json, labels_of, text_of, title_of
from tests.support.member import Member
from tests.support.world import find_channel

ASK = "It cannot be undone."
NOT_YOURS = "Only the member who made that video or a moderator here"
BY_BOT, BY_TOKEN = r"/channels/\d+/messages/\d+$", r"/webhooks/\d+/[^/]+/messages/\d+$"
REFRESH = r"/attachments/refresh-urls$"


def kept(stage: Harness) -> list[str]:
    """Return the names of the stored files."""
    folder = stage.data / "kept"
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


async def delete(who: Member, done: Json) -> Json:
    """Press Delete and confirm; return the question."""
    await who.press(done, "Delete")
    asked = await told_privately(who, ASK)
    assert labels_of(asked) == ["Delete it"]
    await who.press(asked, "Delete it")
    return asked


async def seen_by(stage: Harness, who: Member, done: Json) -> Json:
    """Return the same reply on another member's page."""
    return await stage.until(who, done, "Finished")


async def test_the_creator_deletes_their_reply(stage: Harness) -> None:
    """After one private question, reply and stored video are gone; /tasks says so and does not send the video again."""
    async with stage.bot():
        done = await finished(stage)
        await stage.tidied()
        assert kept(stage) == ["1.jpg", "1.mp4"]
        asked = await delete(stage.ana, done)
        await gone(stage.ana, done)
        await says(stage.ana, asked, "Deleted.")
        opened = await listed(stage.ana, id="1")
        assert title_of(opened) == "Deleted"
        assert labels_of(opened) == ["New take", "Back to the list"]
        assert await stage.ben.messages("videos") == []
    assert kept(stage) == []
    assert len(stage.discord.faults.matching("DELETE", BY_BOT)) == 1


async def test_after_a_restart_nothing_comes_back(stage: Harness) -> None:
    """The buttons work after restarts, also between question and answer, and a later start posts nothing."""
    async with stage.bot():
        done = await finished(stage)
        await stage.tidied()
    async with stage.bot():
        await stage.ana.press(done, "Delete")
        asked = await told_privately(stage.ana, ASK)
    async with stage.bot():
        await stage.ana.press(asked, "Delete it")
        await gone(stage.ana, done)
    calls = len(stage.discord.faults.matching("POST", "/messages"))
    async with stage.bot():
        assert title_of(await listed(stage.ana, id="1")) == "Deleted"
    assert await stage.ben.messages("videos") == []
    assert len(stage.discord.faults.matching("POST", "/messages")) == calls


async def test_a_stranger_cannot(stage: Harness) -> None:
    """Other members can delete neither with the button nor with a hand-made press of the answer."""
    async with stage.bot():
        done = await finished(stage)
        theirs = await seen_by(stage, stage.ben, done)
        await stage.ben.press(theirs, "Delete")
        await told_privately(stage.ben, NOT_YOURS)
        known = set(stage.ben.seen)
        await press_forged(stage, stage.ben, theirs, "delete:1")
        await stage.ben.wait_message(lambda it: it["id"] not in known and NOT_YOURS in text_of(it))
        assert [each["id"] for each in await stage.ben.messages("videos") if not each["ephemeral"]] == [done["id"]]
        await stage.tidied()
    assert "1.mp4" in kept(stage)


async def test_a_moderator_can(stage: Harness) -> None:
    """A member with Manage Messages or Manage Server can delete a reply, also after a restart."""
    async with stage.bot():
        done = await finished(stage)
    async with stage.bot():
        await delete(stage.mia, await seen_by(stage, stage.mia, done))
        await gone(stage.ana, done)
        assert title_of(await listed(stage.ana, id="1")) == "Deleted"
    assert kept(stage) == []


async def test_manage_messages_counts_where_it_was_given(stage: Harness) -> None:
    """Manage Messages in one channel is enough there; a hand-made press from there reaches no other channel's reply."""
    world = stage.discord.world
    general = find_channel(world, "general")
    general.overwrites.append(Overwrite(stage.ben.id, 1, allow=MANAGE_MESSAGES | TALK))
    async with stage.bot():
        elsewhere = await finished(stage)
        here = await finished(stage, channel="general")
        shown = await seen_by(stage, stage.ben, here)
        await press_forged(stage, stage.ben, shown, "delete:1")
        await told_privately(stage.ben, NOT_YOURS)
        await delete(stage.ben, shown)
        await gone(stage.ana, here)
    assert [each["id"] for each in await stage.ana.messages("videos")] == [elsewhere["id"]]


async def test_a_private_reply_is_its_creators_alone(stage: Harness) -> None:
    """A private reply is deleted with the press's own token, as the first one has expired; no moderator can do that."""
    async with stage.bot():
        done = await finished(stage, private=True)
        public = await finished(stage)
        stage.clock.advance(30 * MINUTE)
        await press_forged(stage, stage.mia, await seen_by(stage, stage.mia, public), "task:delete:1")
        await told_privately(stage.mia, NOT_YOURS)
        await delete(stage.ana, done)
        await gone(stage.ana, done)
    assert len(stage.discord.faults.matching("DELETE", BY_TOKEN)) == 1


async def test_an_answer_that_comes_too_late_says_so(stage: Harness) -> None:
    """If the press's token has expired too, the copy is deleted and the member is told what is left to do."""
    async with stage.bot():
        done = await finished(stage, private=True)
        await stage.ana.press(done, "Delete")
        asked = await told_privately(stage.ana, ASK)
        stage.clock.advance(20 * MINUTE)
        await stage.ana.press(asked, "Delete it")
        await says(stage.ana, asked, "can no longer reach the reply")
        await delete(stage.ana, done)
        await gone(stage.ana, done)
    assert kept(stage) == []


async def test_when_discord_is_ill_it_can_be_pressed_again(stage: Harness) -> None:
    """If Discord refuses the deletion, the question stays, and the next press completes it."""
    stage.discord.faults.add("DELETE", BY_BOT, Answer(503, "{}"), times=5)
    async with stage.bot():
        done = await finished(stage)
        asked = await delete(stage.ana, done)
        again = await says(stage.ana, asked, "Press again")
        stage.discord.faults.clear()
        await stage.ana.press(again, "Delete it")
        await gone(stage.ana, done)


async def test_two_presses_delete_once(stage: Harness) -> None:
    """Two confirmations at once, and a reply that was already deleted, all end as deleted."""
    async with stage.bot():
        done = await finished(stage)
        await stage.ana.press(done, "Delete")
        asked = await told_privately(stage.ana, ASK)
        await asyncio.gather(*(stage.ana.press(asked, "Delete it") for _ in range(2)))
        await gone(stage.ana, done)
        await says(stage.ana, asked, "Deleted.")
    assert not [each for each in stage.ana.seen.values() if "went wrong" in text_of(each)]


async def test_what_runs_is_not_deleted(stage: Harness) -> None:
    """A hand-made press on an unfinished task is told to cancel it instead."""
    async with stage.bot():
        done = await finished(stage)
        halfway = Pause(at=40)
        stage.fox.next_quirks = Quirks(pause=halfway)
        running = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.until(stage.ana, running, "Rendering")
        await press_forged(stage, stage.ana, done, "task:delete:2")
        await told_privately(stage.ana, "cancel it instead")
        halfway.release.set()
        await stage.until(stage.ana, running, "Finished")


@pytest.mark.parametrize("private", [False, True])
async def test_try_again_asks_with_the_words_filled_in(stage: Harness, private: bool) -> None:
    """The same clip with another prompt and length is a new task, as private as before; the old reply stays."""
    async with stage.bot():
        done = await finished(stage, prompt="a cat jumps", private=private)
    async with stage.bot():
        known = await filled(stage.ana, await stage.ana.press(done, "New take"), "a dog jumps", 3)
        assert known == {"title": "New take", "prompt": "a cat jumps", "seconds": "2"}
        again = await stage.ana.wait_message(lambda it: "a dog jumps" in text_of(it) and title_of(it) == "Finished")
    assert again["ephemeral"] is private
    assert "+ 3 s" in text_of(again)
    assert done["id"] in stage.ana.seen
    assert len(stage.fox.payments) == 2
    assert len({json.loads(payment.body)["video_url"] for payment in stage.fox.payments}) == 1


async def test_try_again_is_for_its_member_alone(stage: Harness) -> None:
    """Another member is refused before the modal opens; a wrong number of seconds gets one sentence."""
    async with stage.bot():
        done = await finished(stage)
        await stage.ben.press(await seen_by(stage, stage.ben, done), "New take")
        await told_privately(stage.ben, "Only the member who started that task")
        await filled(stage.ana, await stage.ana.press(done, "New take"), seconds=77)
        await told_privately(stage.ana, "FoxAPI adds 2 to 10 seconds")
    assert len(stage.fox.payments) == 1


async def test_a_film_that_is_kept_no_longer_can_still_be_deleted(stage: Harness) -> None:
    """A week later the stored copy is gone, and Delete still removes the reply."""
    async with stage.bot():
        done = await finished(stage)
    stage.clock.advance(8 * DAY)
    async with stage.bot():
        await delete(stage.ana, done)
        await gone(stage.ana, done)


async def test_try_again_days_later(stage: Harness) -> None:
    """If the clip's signed link has expired, Discord is asked for a new one, and the same clip is extended."""
    async with stage.bot():
        done = await finished(stage, prompt="a cat jumps")
        stage.clock.advance(3 * DAY)
        await filled(stage.ana, await stage.ana.press(done, "New take"), "a dog jumps")
        await stage.ana.wait_message(lambda it: "a dog jumps" in text_of(it) and title_of(it) == "Finished")
    assert len(stage.discord.faults.matching("POST", REFRESH)) == 1


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Answer(400, '{"code": 50035, "message": "Invalid Form Body"}'), "That clip can no longer be downloaded"),
        (Answer(200, '{"refreshed_urls": []}'), "That clip can no longer be downloaded"),
        (Reset(), "Discord cannot provide that clip right now"),
    ],
)
async def test_try_again_on_a_clip_that_is_gone(stage: Harness, action: Action, words: str) -> None:
    """Without a new link the member gets one sentence, and nothing is submitted."""
    async with stage.bot() as bot:
        done = await finished(stage)
        stage.clock.advance(3 * DAY)
        stage.discord.faults.add("POST", REFRESH, action)
        await filled(stage.ana, await stage.ana.press(done, "New take"))
        await told_privately(stage.ana, words)
        assert len(await bot.services.tasks.list_tasks(int(stage.ana.id))) == 1


async def test_a_failed_reply_is_deleted(stage: Harness) -> None:
    """The question about a reply without a video mentions none; then the reply is gone."""
    stage.fox.next_quirks = Quirks(failure=Failure("service_error", "The upstream service failed."))
    async with stage.bot():
        reply = await stage.extend(stage.ana, small(stage.clips), seconds=2)
        failed = await stage.recorded(await stage.until(stage.ana, reply, "Failed"))
        await stage.ana.press(failed, "Delete")
        asked = await told_privately(stage.ana, "This deletes the reply for everyone")
        assert "video" not in text_of(asked)
        await stage.ana.press(asked, "Delete it")
        await gone(stage.ana, failed)
