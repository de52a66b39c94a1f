"""Buttons that appear in special cases: New take after a failure, Fetch result before a private token expires."""

from __future__ import annotations

from bot.sandbox.faults import Lose
from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.buttons import filled
from tests.support.harness import CREATE, Harness, Json, labels_of, text_of, title_of

MINUTE = 60.0


async def test_an_unclear_task_is_tried_again_only_by_its_member(stage: Harness) -> None:
    """A lost response ends as unclear and is never sent again; New take makes a new task, for its own member only."""
    stage.fox.faults.add("POST", CREATE, Lose())
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, "a storm", seconds=2)
        ended = await stage.until(stage.ana, reply, "Outcome unknown")
        assert "may have been billed" in text_of(ended)
        assert len(stage.fox.payments) == 1
        await stage.ben.press(await seen_by_ben(stage, reply), "New take")
        refusal = await stage.ben.wait_message(lambda it: "Only the member" in text_of(it))
        assert refusal["ephemeral"]
        await filled(stage.ana, await stage.ana.press(ended, "New take"))
        again = await stage.ana.wait_message(lambda it: it["id"] != reply["id"] and title_of(it) == "Finished")
        assert "a storm" in text_of(again)
    assert len(stage.fox.payments) == 2
    assert "Outcome unknown" in text_of(stage.ana.seen[reply["id"]])


async def test_a_private_reply_outlives_its_token_by_fetch_result(stage: Harness) -> None:
    """Before minute 14 a private reply offers Fetch result; pressed after the token expired, it continues in place."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2, private=True)
        await stage.until(stage.ana, reply, "Rendering")
        stage.clock.advance(12.5 * MINUTE)
        offered = await stage.ana.wait_message(lambda it: "Fetch result" in labels_of(it))
        stage.clock.advance(30 * MINUTE)
        await stage.ana.press(offered, "Fetch result")
        await stage.discord.faults.wait("POST", "/callback", 2)
        halfway.release.set()
        done = await stage.until(stage.ana, reply, "Finished")
    assert done["attachments"]
    assert done["ephemeral"]
    assert len(await stage.ana.messages("videos")) == 1


async def test_a_private_result_that_nobody_fetches_comes_by_direct_message(stage: Harness) -> None:
    """If the token expired and nobody pressed, the result is sent as a direct message; the button then says so."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2, private=True)
        await stage.until(stage.ana, reply, "Rendering")
        stage.clock.advance(12.5 * MINUTE)
        offered = await stage.ana.wait_message(lambda it: "Fetch result" in labels_of(it))
        stage.clock.advance(30 * MINUTE)
        halfway.release.set()
        sent = await stage.ana.wait_message(lambda it: it["id"] != reply["id"] and title_of(it) == "Finished")
        assert sent["attachments"]
        assert await stage.ben.messages("videos") == []
        await stage.ana.press(offered, "Fetch result")
        told = await stage.until(stage.ana, reply, "Finished")
    assert f"/{sent['channel_id']}/{sent['id']}" in text_of(told)


async def test_one_in_line_is_told_so(stage: Harness) -> None:
    """With all slots taken, a new task says that it waits in line, and can be cancelled for free."""
    held = Pause(at=0)
    stage.fox.next_quirks = Quirks(pause=held)
    async with stage.bot(MAX_RUNNING="1"):
        first = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.until(stage.ana, first, "Rendering")
        second = await stage.extend(stage.ben, stage.clips.plain, seconds=2)
        waiting = await stage.until(stage.ben, second, "Queued")
        await stage.ben.press(waiting, "Cancel")
        ended = await stage.until(stage.ben, second, "Cancelled")
        assert "Nothing was billed." in text_of(ended)
        held.release.set()
        await stage.until(stage.ana, first, "Finished")
    assert len(stage.fox.payments) == 1


async def seen_by_ben(stage: Harness, reply: Json) -> Json:
    """Return the same reply as Ben sees it at its end."""
    return await stage.until(stage.ben, reply, "Outcome unknown")
