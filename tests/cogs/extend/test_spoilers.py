"""A video that its author has hidden as a spoiler stays hidden in everything that the bot makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox.foxapi.quirks import Pause, Quirks
from tests.support.clips import Clips
from tests.support.crash_points import within
from tests.support.fast_timeouts import tiny
from tests.support.harness import Harness, Json, percent_of
from tests.support.sharing import channel, posts_in, share

HIDDEN = "SPOILER_"


@pytest.fixture
def clip(clips: Clips, tmp_path: Path) -> Path:
    """A clip whose author has marked it as a spoiler."""
    path = tmp_path / "SPOILER_ending.mp4"
    path.write_bytes(tiny(clips).read_bytes())
    return path


def pictures_of(message: Json) -> list[object]:
    """The pictures that the message's cards show."""
    return [embed[name] for embed in message["embeds"] for name in ("image", "thumbnail") if embed.get(name)]


def names_of(message: Json) -> list[str]:
    return [each["filename"] for each in message["attachments"]]


async def test_a_spoiler_shows_no_picture_and_stays_a_spoiler(stage: Harness, clip: Path) -> None:
    """The running card and /tasks show no picture of the clip; the video and its post are hidden until clicked."""
    stage.fox.next_quirks = Quirks(pause=(pause := Pause(at=40)))
    async with stage.bot(EDIT_SECONDS="0.5"):
        reply = await stage.extend(stage.ana, clip, seconds=2)
        await within(pause.reached)
        running = await stage.ana.wait_message(lambda it: it["id"] == reply["id"] and percent_of(it) == 40)
        assert pictures_of(running) == []
        assert running["attachments"] == []
        pause.release.set()
        done = await stage.recorded(await stage.until(stage.ana, reply, "Finished"))
        assert [name.startswith(HIDDEN) for name in names_of(done)] == [True]
        await share(stage.ana, done, channel(stage, "general"))
        (post,) = await posts_in(stage.ben, channel(stage, "general"))
        assert [name.startswith(HIDDEN) for name in names_of(post)] == [True]
        assert pictures_of(post) == []
        asked = await stage.ana.command("tasks", await stage.ana.channel("videos"))
        listed = await stage.ana.wait_message(lambda it: it.get("interaction_metadata", {}).get("id") == asked)
        assert pictures_of(listed) == []


async def test_what_is_made_of_a_spoiler_is_one(stage: Harness, clip: Path) -> None:
    """The next part, and another try with the same clip, are spoilers too."""
    async with stage.bot(EDIT_SECONDS="0.5"):
        done = await stage.until(stage.ana, await stage.extend(stage.ana, clip, seconds=2), "Finished")
        for button in ("Extend further", "New take"):
            modal = await stage.ana.modal(await stage.ana.press(done, button))
            known = set(stage.ana.seen)
            await stage.ana.submit_modal(modal, {"prompt": "go on", "seconds": "2"})
            assert [name.startswith(HIDDEN) for name in names_of(await _wait_for_video(stage, known))] == [True]


async def _wait_for_video(stage: Harness, known: set[str]) -> Json:
    """Wait for a message that is not known yet and has a file."""
    return await stage.ana.wait_message(lambda it: it["id"] not in known and bool(names_of(it)))
