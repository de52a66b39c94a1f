"""Any video in, the whole video out: preparation, the result, and how the next part continues."""

from __future__ import annotations

import json

import pytest

from bot.sandbox.faults import Answer
from bot.sandbox.foxapi.quirks import Pause, Quirks
from bot.worker import Timeouts
from tests.support.clips import seconds_of
from tests.support.harness import CREATE, Harness, Json, labels_of, text_of, title_of

UPLOAD = "/v1/files/upload/stream"


async def film_of(stage: Harness, done: Json) -> bytes:
    """Return the video attached to a finished reply."""
    assert done["attachments"], text_of(done)
    (attachment,) = done["attachments"]
    assert attachment["filename"].endswith(".mp4")
    return await stage.ana.fetch(attachment["url"])


@pytest.mark.parametrize(
    ("clip", "note", "seconds", "joined"),
    [
        ("gif", "converted to MP4", 5, True),
        ("uneven_gif", "converted to MP4", 8, True),
        ("mov", "converted to MP4", 5, False),
        ("webm", "converted to MP4", 5, True),
        ("sixteen_seconds", "used the last 15 s of 0:16", 18, True),
        ("forty_seconds", "used the last 15 s of 0:40", 42, True),
        ("forty_seconds", "used the last 15 s of 0:40", 42, False),
    ],
)
async def test_an_unfit_clip_is_prepared_and_the_film_is_whole(
    stage: Harness, clip: str, note: str, seconds: float, joined: bool
) -> None:
    """A video that FoxAPI would refuse is converted and uploaded; the whole video comes back, however it answers."""
    stage.fox.next_quirks = Quirks(joined=joined)
    async with stage.bot():
        reply = await stage.extend(stage.ana, getattr(stage.clips, clip), seconds=2)
        done = await stage.until(stage.ana, reply, "Finished", timeout=40)
        assert note in text_of(done)
        assert abs(seconds_of(await film_of(stage, done), stage.folder) - seconds) < 0.25
        await stage.tidied()
    assert len(stage.fox.faults.matching("POST", UPLOAD)) == 1
    (paid,) = stage.fox.faults.matching("POST", CREATE)
    assert json.loads(paid.body)["video_url"].startswith(stage.fox.url)


@pytest.mark.parametrize("clip", ["plain", "odd_handler"])
async def test_a_fit_clip_goes_untouched(stage: Harness, clip: str) -> None:
    """A video that FoxAPI accepts is sent as its own URL, whatever its tags say: nothing is uploaded."""
    async with stage.bot():
        reply = await stage.extend(stage.ana, getattr(stage.clips, clip), seconds=2)
        await stage.until(stage.ana, reply, "Finished")
    assert not stage.fox.faults.matching("POST", UPLOAD)


async def test_a_result_that_can_never_be_fetched(stage: Harness) -> None:
    """If a result's link leads to a forbidden address, the bot asks again until FoxAPI has deleted the file."""
    lost = {"id": "t", "status": "completed", "results": [{"url": "http://10.0.0.1/film.mp4"}]}
    stage.fox.faults.add("GET", "/v1/tasks/", Answer(200, json.dumps(lost)), times=None)
    async with stage.bot(Timeouts(first_gap=0.05)):
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        await stage.fox.faults.wait("GET", "/v1/tasks/", count=3)
    stage.clock.advance(25 * 3600)
    async with stage.bot(Timeouts(first_gap=0.05)):
        ended = await stage.until(stage.ana, reply, "Failed")
    assert "It was billed" in text_of(ended)
    assert len(stage.fox.faults.matching("POST", CREATE)) == 1


@pytest.mark.parametrize("joined", [True, False])
async def test_only_the_new_part(stage: Harness, joined: bool) -> None:
    """With `result: new part`, only the added seconds come back, whether FoxAPI joins or not."""
    stage.fox.next_quirks = Quirks(joined=joined)
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2, result="new part")
        done = await stage.until(stage.ana, reply, "Finished")
        assert abs(seconds_of(await film_of(stage, done), stage.folder) - 2) < 0.25


async def test_the_running_reply_shows_a_still(stage: Harness) -> None:
    """A running task's reply shows a thumbnail of the clip; the finished reply shows only the video."""
    halfway = Pause(at=40)
    stage.fox.next_quirks = Quirks(pause=halfway)
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        seen = await stage.until(stage.ana, reply, "Rendering")
        picture = await stage.ana.fetch(seen["embeds"][0]["thumbnail"]["url"])
        assert picture.startswith(b"\xff\xd8")
        assert seen["attachments"] == []
        halfway.release.set()
        done = await stage.until(stage.ana, reply, "Finished")
    assert "thumbnail" not in done["embeds"][0]
    assert len(done["attachments"]) == 1


async def test_a_film_over_the_limit_is_made_smaller(stage: Harness) -> None:
    """A video above the reply's upload limit is encoded again so that it fits, with the same length."""
    stage.discord.world.guild.upload_limit = 250_000
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=10)
        done = await stage.until(stage.ana, reply, "Finished")
        film = await film_of(stage, done)
    assert len(film) <= 250_000
    assert abs(seconds_of(film, stage.folder) - 13) < 0.25


async def test_a_film_that_cannot_fit_is_linked(stage: Harness) -> None:
    """If compression would look bad, the reply has a thumbnail, FoxAPI's link and when the link expires."""
    stage.discord.world.guild.upload_limit = 12_000
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=10)
        done = await stage.until(stage.ana, reply, "Finished")
    assert done["attachments"] == []
    assert "image" in done["embeds"][0]
    assert f"({stage.fox.url}/results/" in text_of(done)
    assert "<t:" in text_of(done)


async def test_extend_again_goes_on_from_the_film(stage: Harness) -> None:
    """The button Extend further makes part 2 and links to part 1; so does the message command."""
    async with stage.bot():
        first = await stage.extend(stage.ana, stage.clips.plain, "a bird sings", seconds=2)
        done = await stage.until(stage.ana, first, "Finished")
        assert labels_of(done) == ["Extend further", "New take", "Share", "Delete"]
        asked = await stage.ana.modal(await stage.ana.press(done, "Extend further"))
        assert not asked["components"][0]["component"].get("value"), "that has happened already"
        await stage.ana.submit_modal(asked, {"prompt": "it flies off", "seconds": "3"})
        second = await stage.ana.wait_message(lambda it: "it flies off" in text_of(it) and title_of(it) == "Finished")
        assert f"Part 2, after [part 1](https://discord.com/channels/{stage.discord.world.guild.id}/" in text_of(second)
        assert f"/{first['id']})" in text_of(second)
        assert abs(seconds_of(await film_of(stage, second), stage.folder) - 8) < 0.25
        by_menu = await stage.ben.modal(await stage.ben.menu("Extend video", second))
        await stage.ben.submit_modal(by_menu, {"prompt": "night falls", "seconds": "2"})
        third = await stage.ben.wait_message(lambda it: "night falls" in text_of(it) and title_of(it) == "Finished")
    assert "3, after [part 2]" in text_of(third)
    assert f"<@{stage.ben.id}>" in text_of(third)


async def test_too_long_is_one_sentence(stage: Harness) -> None:
    """A video longer than ten minutes is refused before it is processed."""
    endless = stage.clips.make("endless.mp4", 620, "-c:v", "libx264", "-preset", "ultrafast", "-r", "1", "-s", "64x36")
    async with stage.bot():
        reply = await stage.extend(stage.ana, endless)
        ended = await stage.until(stage.ana, reply, "Failed")
    assert "the limit is 10 minutes" in text_of(ended)
    assert not stage.fox.faults.matching("POST", UPLOAD)
