"""Twenty members of one server submit malicious links while a member elsewhere still gets a film."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image

from bot.sandbox.discord.state.model import User
from bot.worker import Timeouts
from tests.cogs.extend.test_bad_input import web_server
from tests.support.clips import H264, Clips
from tests.support.fast_timeouts import DONE, FAILED, tiny
from tests.support.harness import CREATE, Harness, Json, text_of, title_of
from tests.support.member import Member

MEMBERS = 20
"""The number of slots."""
SHORT_TIMEOUTS = Timeouts(clip_download=2, download_idle=0.5, first_gap=0.05)

REFUSED = [
    "not a link",
    "ftp://x.test/a.mp4",
    "http://localhost:9/a.mp4",
    "http://2130706433/a.mp4",
    "http://[::ffff:10.0.0.1]/a.mp4",
    "http://169.254.169.254/latest/meta-data",
    "SERVER/page",
    "SERVER/missing",
    "SERVER/forbidden",
    "SERVER/vast",
    "SERVER/round",
    "SERVER/inwards",
    "SERVER/trickle",
    "SERVER/silent",
    "SERVER/busy",
    "SERVER/packed",
    "SERVER/broken",
    "SERVER/nothing",
    "SERVER/noise.mp4",
    "SERVER/cut.mp4",
]
"""Links that were already refused with a sentence when this test was written."""
RAISED = [
    "https://a..b/x.mp4",
    "https://.a.b/x.mp4",
    "https://ü..de/x.mp4",
    f"https://{'a' * 64}.test/x.mp4",
    "https://xn--a.test/x.mp4",
    "http://[::1/x.mp4",
    "http://[v1.x]/x.mp4",
    "http://x.test:99999/x.mp4",
    "http://x.test:x/x.mp4",
    "https://x.test\\@y.test/x.mp4",
    "SERVER/to-dots",
    "SERVER/to-port",
    "SERVER/to-bracket",
    "SERVER/to-nothing",
    "SERVER/never",
    "SERVER/three.gif",
    "SERVER/still.gif",
    "SERVER/turned.mp4",
    "SERVER/titled.mp4",
    "SERVER/sized.mp4",
]
"""Links, redirects, headers and files of kinds that raised unexpected exceptions."""

REDIRECTS = {
    "/round": "/round",
    "/inwards": "http://127.0.0.1:9/secret",
    "/to-dots": "https://a..b/x.mp4",
    "/to-port": "http://x.test:99999/",
    "/to-bracket": "http://[::1/",
    "/to-nothing": "",
}
"""Redirect targets, by path."""
RESPONSES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/page": (200, {"Content-Type": "text/html"}, b"<!doctype html><title>a page</title>"),
    "/forbidden": (403, {}, b""),
    "/busy": (503, {"Retry-After": "1"}, b""),
    "/never": (503, {"Retry-After": "Fri, 99 Foo 99999999999 99:99:99 +99999999"}, b""),
    "/packed": (200, {"Content-Encoding": "br"}, b"x"),
    "/nothing": (200, {"Content-Type": "video/mp4"}, b""),
}


@dataclass
class BadServer:
    """A web server with malformed, slow and endless responses."""

    files: dict[str, bytes]
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send the response of the path."""
        if request.path in {"/vast", "/trickle", "/silent"}:
            return await self._respond_slowly(request)
        if request.path == "/broken":
            return await self._abort(request)
        if content := self.files.get(request.path):
            return web.Response(body=content, content_type="video/mp4")
        if (target := REDIRECTS.get(request.path)) is not None:
            return web.Response(status=302, headers={"Location": target})
        status, headers, body = RESPONSES.get(request.path, (404, {}, b""))
        return web.Response(status=status, headers=headers, body=body)

    async def _respond_slowly(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        if request.path == "/vast":
            answer.content_length = 50_000_000_000
        if request.path != "/silent":
            await answer.prepare(request)
        while not self.closing.is_set():
            if request.path == "/trickle":
                await answer.write(b"\0")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), 0.2)
        return answer if answer.prepared else web.Response()

    async def _abort(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.content_length = 1_000_000
        await answer.prepare(request)
        await answer.write(b"\0" * 1000)
        if request.transport:
            request.transport.abort()
        return answer


def make_bad_files(clips: Clips) -> dict[str, bytes]:
    """Make files that are damaged, or too short and with misleading metadata."""
    short = ("-vf", "scale=64:36", "-r", "5", *H264)

    def tagged(name: str, *tags: str) -> bytes:
        return clips.make(name, 0.6, *short, *tags).read_bytes()

    spoofed = "rotation of 1.2.3 degrees"
    return {
        "/noise.mp4": bytes(range(256)) * 40,
        "/cut.mp4": clips.cut_off.read_bytes(),
        "/three.gif": make_gif(3),
        "/still.gif": make_gif(1),
        "/turned.mp4": tagged("turned.mp4", "-metadata:s:v", f"handler_name={spoofed}"),
        "/titled.mp4": tagged(
            "titled.mp4", "-metadata", f"title=x\n  displaymatrix: {spoofed}\n  Duration: 99:99:99.9.9"
        ),
        "/sized.mp4": tagged(
            "sized.mp4", "-metadata", "title=Stream #0:0: Video: h264, yuv420p, 0x0 [SAR 0:0 DAR 0:0]"
        ),
    }


def make_gif(frames: int) -> bytes:
    """Make an ordinary GIF with frames of a tenth of a second each."""
    first, *others = [Image.new("RGB", (64, 36), (80 * number, 40, 90)) for number in range(frames)]
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=others, duration=100, loop=0)
    return out.getvalue()


@asynccontextmanager
async def add_members(stage: Harness) -> AsyncIterator[list[Member]]:
    """Yield twenty more members of the server."""
    world = stage.discord.world
    async with AsyncExitStack() as stack:
        people = []
        for number in range(MEMBERS):
            user = User(str(1100000000000000500 + number), f"Member {number}", "#95a5a6")
            world.users[user.id] = user
            world.guild.members[user.id] = []
            people.append(await stack.enter_async_context(Member(stage.discord.url, user.id)))
        yield people


def is_final(message: Json) -> bool:
    """Return whether this is a final message: a private refusal or a failed task."""
    refusal = message["ephemeral"] and bool(message["content"])
    return bool(message["author"].get("bot")) and not message["loading"] and (refusal or title_of(message) == FAILED)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("links", [REFUSED, RAISED], ids=["refused before", "raised before"])
async def test_a_member_elsewhere_gets_a_film(stage: Harness, links: list[str]) -> None:
    """With a bad link submitted for every slot, a film elsewhere is delivered, and only it is paid for.

    Every submitter gets a sentence that it did not work, and no file is left on disk.
    """
    server = BadServer(make_bad_files(stage.clips))
    async with web_server(server.answer) as host, add_members(stage) as members:
        trusted = f"{stage.environment()['TRUSTED_MEDIA_HOSTS']},{host}"
        async with stage.bot(SHORT_TIMEOUTS, TRUSTED_MEDIA_HOSTS=trusted):
            await asyncio.gather(*(submit_link(who, link, host) for who, link in zip(members, links, strict=True)))
            await extend_elsewhere(stage, tiny(stage.clips))
            ends = await asyncio.gather(*(who.wait_message(is_final, 60) for who in members), return_exceptions=True)
            assert [link for link, end in zip(links, ends, strict=True) if not isinstance(end, dict)] == []
            server.closing.set()
            await stage.tidied(20)
    assert all(end["ephemeral"] or "Nothing was billed." in text_of(end) for end in ends if isinstance(end, dict))
    assert len(stage.fox.faults.matching("POST", CREATE)) == len(stage.fox.payments) == 1


async def submit_link(who: Member, link: str, host: str) -> None:
    await who.command(
        "extend", await who.channel("videos"), raw=True, prompt="go", link=link.replace("SERVER", f"http://{host}")
    )


async def extend_elsewhere(stage: Harness, clip: Path) -> None:
    """Extend a video as Ana in her direct messages."""
    direct = stage.discord.world.open_dm(stage.ana.id).id
    asked = await stage.ana.command("extend", direct, prompt="go", video=await stage.ana.upload(clip), seconds=2)
    reply = await stage.ana.wait_message(lambda it: it.get("interaction_metadata", {}).get("id") == asked)
    await stage.until(stage.ana, reply, DONE, 120)
