"""FoxAPI is given a clip's own URL only if it ends in .mp4 and serves the same file to anyone, again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

from bot.media import is_direct_url
from bot.media.download import Downloader
from tests.cogs.extend.test_bad_input import web_server

BODY = b"a video, as far as this is concerned" * 9000


class Host:
    """Serves one body in many ways, each at its own path."""

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.served[request.path] += 1
        if request.path.startswith("/moved") and "there" not in request.path:
            raise web.HTTPFound("/there.mp4")
        if request.path == "/once.mp4" and self.served[request.path] > 1:
            raise web.HTTPGone
        if request.path == "/ours.mp4" and "extend-bot" not in request.headers["User-Agent"]:
            raise web.HTTPForbidden
        if request.path == "/other.mp4" and self.served[request.path] > 1:
            return web.Response(body=BODY[::-1])
        if request.path == "/longer.mp4" and self.served[request.path] > 1:
            return web.Response(body=BODY + b"!")
        return web.Response(body=BODY)


@pytest.mark.parametrize(
    ("path", "is_direct"),
    [
        ("/clip.mp4", True),
        ("/clip.mp4?token=1&name=x.mov", True),
        ("/clip.MP4", False),
        ("/clip.mov", False),
        ("/clip?name=x.mp4", False),
        ("/moved.mp4", False),
        ("/once.mp4", False),
        ("/ours.mp4", False),
        ("/other.mp4", False),
        ("/longer.mp4", False),
    ],
)
async def test_a_url_is_direct_only_if_it_serves_again(tmp_path: Path, path: str, is_direct: bool) -> None:
    """Redirects, one-time links, hosts that require our User-Agent and changing files are detected."""
    clip = tmp_path / "clip"
    async with web_server(Host()) as site, Downloader(trusted=frozenset({site})) as downloader:
        await downloader.fetch(f"http://{site}{path}", clip)
        assert await is_direct_url(downloader, f"http://{site}{path}", clip) is is_direct


async def test_a_discord_attachment_is_not_requested_again(tmp_path: Path) -> None:
    """Discord's own files are known to be served; a host that only resembles Discord's is checked."""
    (tmp_path / "clip").write_bytes(BODY)
    async with Downloader() as downloader:
        attachment = "https://cdn.discordapp.com/attachments/1/2/clip.mp4?ex=1"
        assert await is_direct_url(downloader, attachment, tmp_path / "clip")
        assert not await is_direct_url(downloader, attachment.replace(".mp4", ".mov"), tmp_path / "clip")
        assert not await is_direct_url(downloader, "http://127.0.0.1:9/cdn.discordapp.com.mp4", tmp_path / "clip")
