"""Each kind of bad input is refused with one sentence and never causes a paid request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote

import pytest
from aiohttp import web

from bot.sandbox.faults import Answer
from bot.sandbox.foxapi.quirks import Failure, Quirks
from bot.worker import Timeouts
from tests.support.harness import CREATE, Harness, Json, text_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HASTY = Timeouts(clip_download=0.5, download_idle=0.5)


@asynccontextmanager
async def web_server(handler: Handler) -> AsyncIterator[str]:
    """Treat a server as one on the public internet; yields its `host:port`."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def refused(stage: Harness, **options: object) -> Json:
    """Send /extend as a hand-made interaction (the client would stop some of these) and return the bot's answer."""
    channel, known = await stage.ana.channel(str(options.pop("channel", "videos"))), set(stage.ana.seen)
    await stage.ana.command("extend", channel, raw=True, **options)
    return await stage.ana.wait_message(
        lambda it: it["id"] not in known and it["author"].get("bot") and not it["loading"]
    )


UNFIT = {"text": "not a video", "empty": "empty", "cut_off": "cut off", "one_second": "1.0 s long"}


async def test_an_unfit_clip(stage: Harness) -> None:
    """A file that FoxAPI would refuse is refused with one sentence that names what is wrong with it."""
    async with stage.bot():
        for clip, words in UNFIT.items():
            reply = await stage.extend(stage.ana, getattr(stage.clips, clip))
            ended = await stage.until(stage.ana, reply, "Failed")
            assert words in text_of(ended)
            assert "Nothing was billed." in text_of(ended)
    assert not stage.fox.faults.matching("POST", CREATE)


WRONG: list[tuple[dict[str, object], str]] = [
    ({"prompt": "go", "link": "https://x.test/a.mp4", "video": "upload"}, "You gave both a file and a link"),
    ({"prompt": "go", "link": "a film of mine"}, "“a film of mine” is not a link to a video"),
    ({"prompt": "go", "link": "ftp://x.test/a.mp4"}, "is not a link to a video"),
    ({"prompt": "go", "link": "https://[::1"}, "is not a link to a video"),
    ({"prompt": "   ", "video": "upload"}, "The prompt is empty"),
    ({"prompt": "x" * 4097, "video": "upload"}, "4,097 characters"),
    ({"prompt": "go", "video": "upload", "seconds": 1}, "2 to 10 seconds"),
    ({"prompt": "go", "video": "upload", "seconds": 11}, "2 to 10 seconds"),
    ({"prompt": "go", "video": "upload", "channel": "no-files"}, "permission Embed Links and Attach Files"),
]


async def test_a_wrong_command(stage: Harness) -> None:
    """An invalid command is refused at once, and only its member sees that."""
    async with stage.bot():
        for options, words in WRONG:
            uploaded = {"video": await stage.ana.upload(stage.clips.plain)} if "video" in options else {}
            answer = await refused(stage, **options | uploaded)
            assert words in text_of(answer)
            assert answer["ephemeral"]
    assert not stage.fox.faults.matching("POST", CREATE)


BAD_LINKS = {
    "http://127.0.0.1:9/a.mp4": "private",
    "http://localhost:9/a.mp4": "private",
    "http://2130706433/a.mp4": "private",
    "http://[::ffff:10.0.0.1]/a.mp4": "private",
    "http://169.254.169.254/latest/meta-data": "private",
    "https://a..b/x.mp4": "not a link",
    f"https://{'a' * 64}.example/x.mp4": "not a link",
    "https://xn--/x.mp4": "not a link",
    "https://a.example:99999/x.mp4": "not a link",
    "https://a%zz.example/x.mp4": "not a link",
    "https://nowhere.invalid/x.mp4": "cannot be found",
    "SERVER/to?https://a..b/x.mp4": "not a link",
    "SERVER/to?http://[::1": "redirects to an invalid address",
    "SERVER/to?ftp://x.test/x.mp4": "not a link",
    "SERVER/to?": "redirects too often",
    "SERVER/busy?9999999999999999999999": "answered 503",
    "SERVER/busy?Thu, 01 Jan 0000 00:00:30 GMT": "answered 503",
    "SERVER/busy?Thu, 01 Jan 2099 00:00:30": "answered 503",
    "SERVER/page": "page",
    "SERVER/missing": "404",
    "SERVER/redirect": "private",
    "SERVER/endless": "too slow",
}


async def test_bad_links(stage: Harness) -> None:
    """A link without a video, or to a forbidden address, ends with a sentence; nothing is sent to FoxAPI."""

    async def somewhere(request: web.BaseRequest) -> web.StreamResponse:
        match request.path:
            case "/page":
                return web.Response(text="<!doctype html><title>a page</title>", content_type="text/html")
            case "/to":
                return web.Response(status=302, headers={"Location": unquote(request.query_string)})
            case "/busy":
                return web.Response(status=503, headers={"Retry-After": unquote(request.query_string)})
            case "/redirect":
                return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/secret"})
            case "/endless":
                answer = web.StreamResponse()
                await answer.prepare(request)
                await answer.write(b"\0" * 1000)
                await asyncio.sleep(30)
                return answer
        return web.Response(status=404)

    async with web_server(somewhere) as host:
        trusted = f"{stage.environment()['TRUSTED_MEDIA_HOSTS']},{host}"
        async with stage.bot(HASTY, TRUSTED_MEDIA_HOSTS=trusted):
            for link, words in BAD_LINKS.items():
                answer = await refused(
                    stage, prompt="go", link=link.replace("SERVER", f"http://{host}").replace(" ", "%20")
                )
                ended = await stage.until(stage.ana, answer, "Failed")
                assert words in text_of(ended)
    assert not stage.fox.faults.matching("POST", CREATE)


async def test_a_fetch_is_bounded_in_all(stage: Harness) -> None:
    """A server that sends very slowly, or postpones again and again, is given up when the download times out."""

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/busy":
            return web.Response(status=503)
        answer = web.StreamResponse()
        await answer.prepare(request)
        with suppress(ConnectionError):
            while True:
                await answer.write(b"\0")
                await asyncio.sleep(0.05)
        return answer

    async with web_server(slow) as host:
        trusted = f"{stage.environment()['TRUSTED_MEDIA_HOSTS']},{host}"
        async with stage.bot(Timeouts(clip_download=1), TRUSTED_MEDIA_HOSTS=trusted):
            for path, words in {"drip": "too slow", "busy": "answered 503"}.items():
                answer = await refused(stage, prompt="go", link=f"http://{host}/{path}")
                ended = await stage.until(stage.ana, answer, "Failed")
                assert words in text_of(ended)
    assert not stage.fox.faults.matching("POST", CREATE)


async def test_an_unknown_server_is_told_soon(stage: Harness) -> None:
    """A host name that does not resolve is reported at once, whatever the download's timeout is."""
    async with stage.bot(Timeouts()):
        answer = await refused(stage, prompt="go", link="https://nowhere.invalid/a.mp4")
        ended = await stage.until(stage.ana, answer, "Failed")
    assert "cannot be found" in text_of(ended)
    assert not stage.fox.faults.matching("POST", CREATE)


async def test_message_links_that_lead_nowhere(stage: Harness) -> None:
    """A link to a message without a video, to a hidden one, or to another server is refused privately."""
    general = await stage.ben.channel("general")
    said = await stage.ben.say(general, "no video here")
    hidden = await stage.mia.channel("moderators")
    secret = await stage.mia.say(hidden, "", [await stage.mia.upload(stage.clips.plain)])
    guild = stage.discord.world.guild.id
    cases = {
        f"https://discord.com/channels/{guild}/{general}/{said['id']}": "no video in that message",
        f"https://discord.com/channels/{guild}/{hidden}/{secret['id']}": "cannot read that message",
        f"https://discord.com/channels/{guild}/{general}/1": "cannot read that message",
        "https://discord.com/channels/1/2/3": "cannot read that message",
        f"https://discord.com/channels/{guild}/{general}/{'9' * 30}": "cannot read that message",
        f"https://discord.com/channels/{guild}/{'9' * 20}/1": "cannot read that message",
        f"https://discord.com/channels/{'9' * 5000}/1/1": "cannot read that message",
    }
    async with stage.bot():
        channel = await stage.ana.channel("videos")
        for link, words in cases.items():
            await stage.ana.command("extend", channel, prompt="go", link=link)
            answer = await stage.ana.wait_message(lambda it, words=words: words in text_of(it))  # type: ignore[misc]
            assert answer["ephemeral"]
            stage.ana.seen.clear()
    assert not stage.fox.faults.matching("POST", CREATE)


REFUSALS = [
    (401, "invalid_api_key", "does not accept the bot's key"),
    (402, "insufficient_balance", "run out of credit"),
    (422, "model_not_found", "cannot use its video model"),
    (422, "", "bad field"),
]


async def test_foxapi_refuses_the_request(stage: Harness) -> None:
    """A request that FoxAPI rejects is explained, not billed and not sent again."""
    async with stage.bot():
        for number, (status, code, words) in enumerate(REFUSALS, 1):
            stage.fox.faults.clear()
            body = f'{{"error":{{"message":"bad field","type":"x","code":"{code}"}}}}'
            stage.fox.faults.add("POST", CREATE, Answer(status, body), times=None)
            reply = await stage.extend(stage.ana, stage.clips.plain)
            ended = await stage.until(stage.ana, reply, "Failed")
            assert words in text_of(ended)
            assert "Nothing was billed." in text_of(ended)
            assert len(stage.fox.faults.matching("POST", CREATE)) == number
    assert not stage.fox.payments


async def test_refused_content(stage: Harness) -> None:
    """Content that the provider rejects is reported as such."""
    stage.fox.next_quirks = Quirks(failure=Failure("content_policy_violation", "no", at=30))
    async with stage.bot():
        reply = await stage.extend(stage.ana, stage.clips.plain)
        ended = await stage.until(stage.ana, reply, "Failed")
    assert "moderation refused" in text_of(ended)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DISCORD_TOKEN": ""}, "DISCORD_TOKEN is not set"),
        ({"DISCORD_TOKEN": "wrong"}, "Discord does not accept DISCORD_TOKEN"),
        ({"FOXAPI_KEY": ""}, "FOXAPI_KEY is not set"),
        ({"FOXAPI_KEY": "wrong"}, "FoxAPI does not accept FOXAPI_KEY"),
        ({"POLL_SECONDS": "soon"}, "POLL_SECONDS is wrong"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL must begin with"),
    ],
)
async def test_a_wrong_start(stage: Harness, changes: dict[str, str], words: str) -> None:
    """A missing or wrong setting ends the process with one sentence and a non-zero code."""
    async with stage.process(**changes) as process:
        await process.start()
        assert await process.wait() == 1
    assert len(stage.lines) == 1
    assert words in stage.lines[0]
    assert "Traceback" not in stage.lines[0]
