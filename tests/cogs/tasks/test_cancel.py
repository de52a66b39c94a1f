"""Cancel is free and immediate before the paid request; after it, the bot asks once and says what may be billed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.sandbox.faults import Hold
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.clips import Clips
from tests.support.fast_timeouts import DONE, FAST, QUERY, STEADY, assert_told, posts, tiny
from tests.support.harness import Harness, Json, text_of
from tests.support.member import Member

CANCELLED = "Cancelled"


@pytest.fixture(scope="session")
def clip(clips: Clips) -> Path:
    return tiny(clips)


@pytest.fixture
def held(stage: Harness) -> Pause:
    """Pause the next task at FoxAPI until this is released."""
    pause = Pause(at=10)
    stage.fox.next_quirks = Quirks(pause=pause)
    return pause


async def with_button(who: Member, reply: Json) -> Json:
    """Wait until the reply can be cancelled, and return it."""
    return await who.wait_message(lambda it: it["id"] == reply["id"] and "Cancel" in str(it["components"]))


async def answer(who: Member, words: str) -> Json:
    """Wait for the private message with these words."""
    return await who.wait_message(lambda it: it["ephemeral"] and words in text_of(it))


async def cancel_surely(stage: Harness, reply: Json) -> None:
    """Press Cancel, then Cancel anyway, as Ana."""
    await stage.ana.press(await with_button(stage.ana, reply), "Cancel")
    asked = await answer(stage.ana, "FoxAPI is already working on this task")
    assert await stage.ben.messages("videos") == [stage.ben.seen.get(reply["id"])]
    await stage.ana.press(asked, "Cancel anyway")
    await stage.until(stage.ana, reply, CANCELLED)
    await answer(stage.ana, "This task is cancelled here")


async def test_in_line_it_is_free(stage: Harness, clip: Path, held: Pause) -> None:
    """A task waiting for a slot is cancelled at once, and nothing is billed."""
    async with stage.bot(FAST, **STEADY, MAX_RUNNING="1"):
        first = await stage.extend(stage.ben, clip, channel="general", seconds=2)
        await held.reached.wait()
        waiting = await stage.extend(stage.ana, clip, seconds=2)
        await stage.until(stage.ana, waiting, "Queued")
        await stage.ana.press(await with_button(stage.ana, waiting), "Cancel")
        await stage.until(stage.ana, waiting, CANCELLED)
        held.release.set()
        await stage.until(stage.ben, first, DONE)
    ended = stage.ana.seen[waiting["id"]]
    assert "Nothing was billed." in text_of(ended)
    assert posts(stage) == 1


async def test_a_moderator_cancels_a_members_task(stage: Harness, clip: Path, held: Pause) -> None:
    """A moderator may, another member may not; the reply says who it was, and the member reads whether it counts."""
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        await stage.ben.press(await with_button(stage.ben, reply), "Cancel")
        await answer(stage.ben, "Only the member who started that task")
        await stage.mia.press(await with_button(stage.mia, reply), "Cancel")
        asked = await answer(stage.mia, "FoxAPI is already working on this task")
        await stage.mia.press(asked, "Cancel anyway")
        ended = await stage.until(stage.ana, reply, CANCELLED)
        held.release.set()
    assert "A moderator of this server cancelled it." in text_of(ended)
    assert "it counts towards the limits" in text_of(ended)


async def test_while_the_clip_is_fetched_it_is_free(stage: Harness, clip: Path) -> None:
    """A task whose clip is still downloading is cancelled without waiting for the slow server."""
    fetching = Hold()
    stage.discord.faults.add("GET", "/cdn/", fetching)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await fetching.reached.wait()
        await stage.ana.press(await with_button(stage.ana, reply), "Cancel")
        await stage.until(stage.ana, reply, CANCELLED)
        fetching.release.set()
    await assert_told(stage, reply, CANCELLED, paid=0, requests=0)


async def test_while_rendering_it_is_asked_once(stage: Harness, clip: Path, held: Pause) -> None:
    """The member is told privately that it may be billed; then the slot is free, and the reply says the same."""
    async with stage.bot(FAST, **STEADY, MAX_RUNNING="1"):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        next_one = await stage.extend(stage.ben, clip, channel="general", seconds=2)
        await cancel_surely(stage, reply)
        await stage.until(stage.ben, next_one, DONE)
        held.release.set()
    await assert_told(stage, reply, CANCELLED, paid=2, requests=2)


async def test_it_does_not_wait_for_a_slow_foxapi(stage: Harness, clip: Path) -> None:
    """A poll that hangs does not delay the cancellation."""
    query = Hold()
    stage.fox.faults.add("GET", QUERY, query)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await query.reached.wait()
        await cancel_surely(stage, reply)
        query.release.set()
    await assert_told(stage, reply, CANCELLED, paid=1)


async def test_after_a_restart_it_still_works(stage: Harness, clip: Path, held: Pause) -> None:
    """The button of a reply from before a restart works."""
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        await with_button(stage.ana, reply)
    async with stage.bot(FAST, **STEADY):
        await cancel_surely(stage, reply)
        held.release.set()
    await assert_told(stage, reply, CANCELLED, paid=1)


async def test_somebody_else_cannot(stage: Harness, clip: Path, held: Pause) -> None:
    """Another member is refused privately, and the task continues."""
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        await stage.ben.press(await with_button(stage.ben, reply), "Cancel")
        await answer(stage.ben, "Only the member who started that task")
        held.release.set()
        await stage.until(stage.ana, reply, DONE)
    assert not [each for each in stage.ana.seen.values() if each["ephemeral"]]
    await assert_told(stage, reply, DONE, paid=1)


async def test_two_presses_at_once(stage: Harness, clip: Path) -> None:
    """Of two presses at once, one cancels, and the other is told that there is nothing left to cancel."""
    fetching = Hold()
    stage.discord.faults.add("GET", "/cdn/", fetching)
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        shown = await with_button(stage.ana, reply)
        await asyncio.gather(stage.ana.press(shown, "Cancel"), stage.ana.press(shown, "Cancel"))
        await stage.until(stage.ana, reply, CANCELLED)
        await answer(stage.ana, "has already ended")
        fetching.release.set()
    assert len([each for each in stage.ana.seen.values() if each["ephemeral"]]) == 1


async def test_once_the_result_is_there_it_is_too_late(stage: Harness, clip: Path, held: Pause) -> None:
    """Cancel anyway, offered while rendering and pressed after the end, changes nothing."""
    async with stage.bot(FAST, **STEADY):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await held.reached.wait()
        await stage.ana.press(await with_button(stage.ana, reply), "Cancel")
        asked = await answer(stage.ana, "FoxAPI is already working on this task")
        held.release.set()
        await stage.until(stage.ana, reply, DONE)
        await stage.ana.press(asked, "Cancel anyway")
        await answer(stage.ana, "has already ended")
    await assert_told(stage, reply, DONE, paid=1)
