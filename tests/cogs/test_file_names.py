"""Files in Discord are named after clip and prompt, and carry the prompt as alternative text."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.task import Task
from cogs.common.files import make_film_upload, make_thumbnail_upload
from tests.support.builders import a_task, an_order
from tests.support.harness import Harness

FILM = Path("film.mp4")


def name_of(prompt: str, source: str = "", **changes: object) -> str:
    return make_film_upload(make(prompt, source, **changes), FILM).name


def make(prompt: str, source: str = "", **changes: object) -> Task:
    return a_task(id=12, order=an_order(prompt=prompt, source_name=source, **changes))


@pytest.mark.parametrize(
    ("name", "prompt", "source"),
    [
        ("holiday_the-sun-comes-out.mp4", "The sun comes out!", "holiday.MOV"),
        ("the-sun-comes-out.mp4", "the sun comes out", ""),
        ("img-1234_sie-lauft.mp4", "Sie läuft", "IMG_1234.mp4"),
        ("holiday.mp4", "太阳出来了", "holiday.mp4"),
        ("film-12.mp4", "太阳出来了", "假期.mp4"),
        ("etc-passwd.mp4", "../../etc/passwd", ".."),
        ("a-very-long-prompt-that-goes-on-and-on.mp4", "a very long prompt that goes on and on and on", ""),
        (f"{'w' * 40}.mp4", "w" * 900, ""),
    ],
)
def test_a_film_is_named_after_its_clip_and_prompt(name: str, prompt: str, source: str) -> None:
    """Whatever both contain, the name is short, safe on every system and never empty."""
    assert name_of(prompt, source) == name


def test_a_later_part_is_named_after_its_prompt_and_number() -> None:
    """The name of a part does not grow from part to part, and a spoiler keeps Discord's prefix."""
    name = name_of("it rains", "holiday_the-sun-comes-out.mp4", part=3, spoiler=True)
    assert name == "SPOILER_it-rains_part-3.mp4"


def test_a_hidden_prompt_is_in_no_name_and_no_text() -> None:
    """Where the prompt must not be seen, names and alternative texts tell nothing about it or the clip."""
    task = make("a secret", "secret.mp4")
    film, still = (upload(task, FILM, with_prompt=False) for upload in (make_film_upload, make_thumbnail_upload))
    assert (film.name, film.description, still.description) == ("film-12.mp4", None, None)


async def test_a_delivered_film_has_its_name_and_alternative_text(stage: Harness) -> None:
    """The member's reply holds the film under its own name, with the prompt for those who cannot see it."""
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain, seconds=2)
        done = await stage.until(stage.ana, reply, "Finished")
    (attachment,) = done["attachments"]
    assert attachment["filename"] == "plain_the-sun-comes-out.mp4"
    assert attachment["description"] == "the sun comes out"
