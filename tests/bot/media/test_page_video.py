"""Links to pages of Tenor, Giphy and the like: the video that the page names in its head is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from bot.media import Downloader, UnusableVideo
from bot.media.page_video import find_page_video
from tests.cogs.extend.test_bad_input import web_server
from tests.support.media_site import BODY, Phonebook

HERE = URL("https://tenor.com/view/a-gif-1")


def a_page(*metas: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>A GIF</title>{''.join(metas)}</head><body>…</body></html>".encode()


def meta(name: str, content: str, kind: str = "property") -> str:
    return f'<meta {kind}="{name}" content="{content}">'


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (a_page(meta("og:video", "https://media.tenor.com/x/a.mp4")), "https://media.tenor.com/x/a.mp4"),
        (a_page(meta("og:video", "/a.mp4?x=1&amp;y=2")), "https://tenor.com/a.mp4?x=1&y=2"),
        (a_page(meta("og:video", "https://x.test/a%2Fb.mp4?sig=%2B%7E")), "https://x.test/a%2Fb.mp4?sig=%2B%7E"),
        (b"<META property='og:video' content='https://x.test/a.mp4'>", "https://x.test/a.mp4"),
        (a_page(meta("twitter:player:stream", "https://x.test/a.webm", "name")), "https://x.test/a.webm"),
        (
            a_page(meta("og:video", "https://x.test/embed/1"), meta("og:video:secure_url", "https://x.test/a.MP4")),
            "https://x.test/a.MP4",
        ),
        (a_page(meta("og:video", "https://x.test/embed/1")), None),
        (a_page(meta("og:image", "https://x.test/a.gif")), None),
        (a_page(meta("og:video", "https://[::1/a.mp4")), None),
        (a_page(meta("og:video", "")), None),
        (b"<meta property='og:video' content", None),
        (b"\xff\x00" * 1000, None),
    ],
)
def test_the_video_that_a_page_names(page: bytes, found: str | None) -> None:
    """Only a file is taken, not a player; anything else in the page is ignored."""
    assert find_page_video(page, HERE) == found


async def test_a_page_is_followed_once_and_only_to_public_addresses(tmp_path: Path) -> None:
    """The named file is fetched like any link; a page that names a page, a private address or nothing is refused."""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/film.mp4":
            return web.Response(body=BODY)
        target = {
            "/view": "/film.mp4",
            "/loop": "/loop.mp4",
            "/loop.mp4": "/film.mp4",
            "/private": "http://10.0.0.1/a.mp4",
        }.get(request.path, "/player")
        kind = "text/plain" if request.path == "/loop" else "text/html"
        return web.Response(body=a_page(meta("og:video", target)), content_type=kind)

    async with web_server(serve) as host:
        trusted = frozenset({host})
        async with Downloader(trusted=trusted, resolver=Phonebook({}), follow_pages=True) as downloader:
            assert await downloader.fetch(f"http://{host}/view", tmp_path / "clip") == len(BODY)
            for path, words in (("loop", "web page"), ("private", "private"), ("other", "web page")):
                with pytest.raises(UnusableVideo, match=words):
                    await downloader.fetch(f"http://{host}/{path}", tmp_path / "other")
        async with Downloader(trusted=trusted, resolver=Phonebook({})) as downloader:
            with pytest.raises(UnusableVideo, match="web page"):
                await downloader.fetch(f"http://{host}/view", tmp_path / "other")
    assert (tmp_path / "clip").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]
