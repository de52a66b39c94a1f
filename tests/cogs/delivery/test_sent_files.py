"""Files sent to Discord are read from disk and always closed; links to them are parsed correctly."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from pathlib import Path

import discord
import pytest

from bot.domain.errors import RequestRefused
from cogs.common.files import Upload, open_files
from cogs.common.links import parse_expiry
from cogs.sharing.film import Film
from tests.support.builders import a_task


async def test_a_film_of_any_size_is_sent_from_disk(tmp_path: Path) -> None:
    """A large file is opened without reading it, anew for each try, and closed afterwards."""
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(1 << 36)  # 64 GB that take up no room
    closed: list[discord.File] = []
    for _ in range(2):
        async with Film(a_task(), film).open_files() as files:
            (sent,) = files
            assert isinstance(sent.fp, io.BufferedReader)
            assert sent.fp.name == str(film)
        closed.append(sent)
    assert all(file.fp.closed for file in closed)
    assert closed[0].fp is not closed[1].fp


async def test_a_film_that_was_deleted_meanwhile_is_refused(tmp_path: Path) -> None:
    """A missing file is reported as such, not as an outage of Discord; files opened before it are closed."""
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    with pytest.raises(RequestRefused, match="no longer have that video"):
        async with Film(a_task(), film, tmp_path / "gone.jpg").open_files():
            pass  # pragma: no cover


async def test_a_send_that_is_cancelled_leaves_no_file_open(tmp_path: Path) -> None:
    """Cancelled at any point, no file stays open: that would be a warning, and warnings are errors."""
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")

    async def send() -> None:
        async with open_files(Upload(film, "a.mp4"), Upload(film, "b.mp4")):
            await asyncio.Event().wait()

    for turns in range(12):
        sending = asyncio.create_task(send())
        for _ in range(turns):
            await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


LINK = "https://cdn.discordapp.com/attachments/1/2/a.mp4?ex=6a000000&is=69000000&hm=abc&"


@pytest.mark.parametrize(
    ("link", "ends"),
    [
        (LINK, datetime.fromtimestamp(0x6A000000, UTC)),
        (LINK.replace("attachments", "ephemeral-attachments"), datetime.fromtimestamp(0x6A000000, UTC)),
        (LINK.replace("ex=6a000000&", ""), None),
        (LINK.replace("hm=", "mh="), None),
        (LINK.replace("6a000000", "6a0000000000"), None),
        (LINK.replace("attachments/1/2", "elsewhere"), None),
        ("http://[::1?ex=1&is=1&hm=1", None),
        (f"{LINK}{'&ex=1x' * 100_000}\n", None),
        (f"https://x.test/{'attachments/1/1/' * 50_000}?ex=1&is=1&hm=1", None),
    ],
)
def test_when_a_link_ends(link: str, ends: datetime | None) -> None:
    """Only a signed link to one of Discord's files has an expiry, and a link of any length is parsed once."""
    assert parse_expiry(link) == ends
