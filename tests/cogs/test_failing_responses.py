"""When Discord fails while a member is answered, the member is still told, and private content stays private."""

from __future__ import annotations

import gc
import logging
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from discord import ui

from bot.sandbox.faults import Action, Answer, Lose, Reset
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.cogs.extend.test_bad_input import web_server
from tests.support.buttons import finished, told_privately
from tests.support.crash_points import until
from tests.support.fast_timeouts import tiny
from tests.support.harness import Harness, Json, text_of
from tests.support.member import Member
from tests.support.moderation import use
from tests.support.sharing import asked_where, channel, posts_in, submitted

ORIGINAL = r"/webhooks/\d+/[^/]+/messages/@original$"
FOLLOWUP, CALLBACK = r"/webhooks/\d+/[^/]+$", r"/callback$"
EMPTY = Answer(503)
"""A body that is declared as JSON and is empty."""
NOT_NOW = "Discord is not responding"
REFUSAL = "The bot cannot read that message"
PUBLIC_WORDS = "That did not work. A private message says why."


async def ask(stage: Harness) -> None:
    """Use /extend so that it is refused after its public placeholder was posted: the linked message is not there."""
    place = await stage.ana.channel("videos")
    link = f"https://discord.com/channels/{stage.discord.world.guild.id}/{place}/1"
    await stage.ana.command("extend", place, prompt="rain", link=link)


async def refused(stage: Harness) -> Json:
    """The same; return the private refusal."""
    await ask(stage)
    return await told_privately(stage.ana, REFUSAL)


async def limited(stage: Harness) -> None:
    """Limit a task to three seconds."""
    await use(stage.mia, "limits set", max_seconds=3)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("fault", [EMPTY, Reset()], ids=["empty 503", "reset"])
async def test_a_placeholder_that_cannot_be_deleted_at_once(stage: Harness, fault: Action, times: int) -> None:
    """The deletion is retried: the refusal comes privately, and "is thinking…" is gone."""
    async with stage.bot():
        rule = stage.discord.faults.add("DELETE", ORIGINAL, fault, times)
        await refused(stage)
        assert not stage.discord.faults.is_armed(rule)
        assert await stage.ben.messages("videos") == []


async def test_a_placeholder_that_cannot_be_deleted_at_all(stage: Harness) -> None:
    """The placeholder becomes a sentence without the reason, which is sent privately."""
    async with stage.bot():
        stage.discord.faults.add("DELETE", ORIGINAL, EMPTY, times=None)
        await refused(stage)
        (left,) = await stage.ben.messages("videos")
    assert text_of(left) == PUBLIC_WORDS


async def test_a_placeholder_that_can_be_neither_deleted_nor_edited(stage: Harness) -> None:
    """The member is told in the only place that is left."""
    async with stage.bot():
        stage.discord.faults.add("DELETE", ORIGINAL, EMPTY, times=None)
        stage.discord.faults.add("PATCH", ORIGINAL, EMPTY, times=None)
        await ask(stage)
        told = await stage.ana.wait_message(lambda it: REFUSAL in text_of(it))
    assert not told["loading"]


@pytest.mark.parametrize("fault", [EMPTY, Reset()], ids=["empty 503", "reset"])
async def test_a_follow_up_that_is_not_taken_at_once(stage: Harness, fault: Action) -> None:
    """The response is retried."""
    async with stage.bot():
        rule = stage.discord.faults.add("POST", FOLLOWUP, fault, times=2)
        await refused(stage)
        assert not stage.discord.faults.is_armed(rule)


async def test_a_forms_refusal_stays_private_after_a_lost_acknowledgement(stage: Harness) -> None:
    """If "is thinking…" was accepted but neither confirmed nor readable, it is not replaced by the refusal."""
    async with stage.bot():
        done = await finished(stage)
        await limited(stage)
        theirs = await stage.until(stage.ben, done, "Finished")
        modal = await stage.ben.modal(await stage.ben.press(theirs, "Extend further"))
        stage.discord.faults.add("POST", CALLBACK, Lose())
        stage.discord.faults.add("GET", ORIGINAL, EMPTY)
        await stage.ben.submit_modal(modal, {"prompt": "go on", "seconds": "2"})
        told = await stage.ben.wait_message(
            lambda it: it["id"] != done["id"] and not it["loading"] and bool(text_of(it))
        )
        assert told["ephemeral"]
        assert [each["id"] for each in await stage.ana.messages("videos")] == [done["id"]]


PRESSES = ("Extend further", "New take", "Share", "Delete")


@pytest.mark.parametrize("label", PRESSES)
async def test_an_empty_503_means_the_same_at_every_button(
    stage: Harness, caplog: pytest.LogCaptureFixture, label: str
) -> None:
    """Whatever the first response was, the member reads that Discord does not answer; the log has no traceback."""
    async with stage.bot():
        done = await finished(stage)
        stage.discord.faults.add("POST", CALLBACK, EMPTY)
        with caplog.at_level(logging.ERROR):
            await stage.ana.press(done, label)
            await told_privately(stage.ana, NOT_NOW)
    assert not any(record.exc_info for record in caplog.records)


async def test_an_empty_503_at_reading_means_the_same_too(stage: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """Reading a video for Share, or a linked message: the same sentence or another route, without a traceback."""
    async with stage.bot(KEEP_DAYS="0"):
        done = await finished(stage)
        place, message_id = done["channel_id"], done["id"]
        stage.discord.faults.add("GET", rf"/channels/\d+/messages/{message_id}$", EMPTY)
        link = f"https://discord.com/channels/{stage.discord.world.guild.id}/{place}/{message_id}"
        with caplog.at_level(logging.ERROR):
            await stage.ana.command("extend", place, prompt="rain", link=link)
            await told_privately(stage.ana, NOT_NOW)
    assert not any(record.exc_info for record in caplog.records)


async def test_quota_with_many_tasks_in_line(stage: Harness) -> None:
    """Of ten queued tasks with long links, as many as fit are listed, and the others are counted."""
    held = Pause(at=0)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(MAX_RUNNING="1"):
        first = await stage.extend(stage.ana, tiny(stage.clips), seconds=2)
        await stage.until(stage.ana, first, "Rendering")
        for number in range(12):
            waiting = await stage.extend(stage.ana, tiny(stage.clips), f"number {number}", seconds=2)
            await stage.until(stage.ana, waiting, "Queued")
        told = await use(stage.ana, "quota")
        lines = next(each["value"] for each in told["embeds"][0]["fields"] if each["name"] == "Unfinished").split("\n")
        held.release.set()
    assert len(lines) > 5
    assert lines[-1].endswith(f"and {12 - (len(lines) - 2)} more: see /tasks")
    assert all("Task" in line for line in lines[1:-1])


async def test_a_long_source_link_does_not_hinder_share(stage: Harness) -> None:
    """If a source's URL is longer than a field, the video is shared with the source's name alone."""
    clip = tiny(stage.clips)

    async def serve(_: web.BaseRequest) -> web.StreamResponse:
        return web.FileResponse(clip)

    async with web_server(serve) as host, stage.bot(TRUSTED_MEDIA_HOSTS=f"{host},{urlsplit(stage.fox.url).netloc}"):
        place = await stage.ana.channel("videos")
        link = f"http://{host}/{'long/' * 300}clip.mp4"
        await stage.ana.command("extend", place, prompt="rain", link=link, seconds=2)
        reply = await stage.ana.wait_message(lambda it: bool(it["author"].get("bot") and it["embeds"]))
        done = await stage.recorded(await stage.until(stage.ana, reply, "Finished"))
        general = channel(stage, "general")
        assert "Shared" in text_of(await submitted(stage.ana, await asked_where(stage.ana, done), general))
        (post,) = await posts_in(stage.ben, general)
    assert f"{host.split(':')[0]} → **part 1**" in text_of(post)


async def dismissed(who: Member, message: Json, label: str, count: int) -> None:
    """Press a number of times and dismiss each modal."""
    for _ in range(count):
        await who.modal(await who.press(message, label))


async def test_forms_that_were_dismissed_are_let_go(stage: Harness) -> None:
    """Dismissed modals are dropped after a while; submitting one then says so, and it can be opened again."""
    async with stage.bot() as bot:
        done = await finished(stage)
        bot.modal_seconds = 0.321
        await dismissed(stage.ana, done, "Extend further", 10)
        late = await stage.ana.modal(await stage.ana.press(done, "Extend further"))
        await until(lambda: not bot._connection._view_store._modals)
        await stage.ana.submit_modal(late, {"prompt": "go on", "seconds": "2"})
        await told_privately(stage.ana, "That form has expired")
        gc.collect()
        left = [each for each in gc.get_objects() if isinstance(each, ui.Modal) and each.timeout == bot.modal_seconds]
        assert left == []
        bot.modal_seconds = 60
        again = await stage.ana.modal(await stage.ana.press(done, "Extend further"))
        assert again["title"] == "Extend further"
    assert len(stage.fox.payments) == 1


async def test_panels_and_pages_leave_nothing_behind(stage: Harness) -> None:
    """Buttons work by their custom_ids alone: no view is kept in memory."""
    async with stage.bot() as bot:
        await finished(stage)
        for command in ("tasks", "privacy", "gallery"):
            await use(stage.ana, command)
        await use(stage.mia, "limits show")
        store = bot._connection._view_store
        assert not store._views
        assert not store._synced_message_views
        assert not store._modals
