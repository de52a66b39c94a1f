"""The parsers of untrusted input, each fed one mutated input per call; undocumented exceptions propagate."""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from pydantic import SecretStr

from bot.check import http
from bot.domain.errors import RequestRefused
from bot.domain.http_time import RETRY_MOST, parse_http_date, parse_retry_after
from bot.foxapi import FoxAPI, FoxError, parse_response
from bot.foxapi.protocol import parse_submission, parse_task, parse_url
from bot.i18n.text import tr
from bot.media import (
    Downloader,
    DownloadFailed,
    Ffmpeg,
    FfmpegResult,
    UnusableVideo,
    find_rejection,
    make_thumbnail,
    prepare,
    probe,
)
from bot.media.ffmpeg.filters import choose_format
from bot.media.ffmpeg.packets import parse_timelines
from bot.media.ffmpeg.probe import build_listing_args, parse_probe
from bot.media.ssrf import check_url
from cogs.common import components, links, modals
from tests.fuzz import inputs
from tests.fuzz.inputs import Dice, spoil_bytes, spoil_numbers, spoil_text
from tests.fuzz.server import RawServer

Parser = Callable[[Dice], Awaitable[object]]
"""Tries one input; raises what the parser must not raise."""
MARK = "0123456789abcdef"


class Nowhere(AbstractResolver):
    """A resolver that knows no name but encodes each like Python's own lookup; nothing leaves this machine."""

    async def resolve(
        self,
        host: str,
        port: int = 0,  # noqa: ARG002
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def close(self) -> None: ...


def make_downloader(server: RawServer) -> Downloader:
    """Return a downloader that reaches this server and nothing else."""
    bounds: dict[str, Any] = {"seconds": 2.0, "idle_seconds": 0.5, "max_bytes": 1000}
    return Downloader(trusted=frozenset({server.host}), resolver=Nowhere(), **bounds)


def make_link_parser(downloader: Downloader, server: RawServer, folder: Path) -> Parser:
    """Members' links, and the same as a path on a server that responds."""

    async def parse(dice: Dice) -> None:
        text = spoil_text(dice.choice(inputs.LINKS), dice)
        with suppress(RequestRefused):
            if found := links._MESSAGE_LINK.fullmatch(text):
                components.parse_id(found["channel"])
        links.parse_expiry(text)
        with suppress(UnusableVideo):
            check_url(text, frozenset())
        if text.startswith(f"http://{server.host}"):
            return
        server.answer = (inputs.ANSWERS[0],)
        for url in (text, f"http://{server.host}/{text.partition('//')[2]}"):
            with suppress(UnusableVideo, DownloadFailed):
                await downloader.fetch(url, folder / "fetched")

    return parse


def make_http_parser(downloader: Downloader, server: RawServer, folder: Path) -> Parser:
    """HTTP responses to downloads, to FoxAPI's client and to the check."""

    async def parse(dice: Dice) -> None:
        spoilt = spoil_bytes(dice.choice(inputs.ANSWERS), dice)
        cut = dice.randrange(len(spoilt) + 1)
        server.answer = (spoilt[:cut], spoilt[cut:])
        url = f"http://{server.host}/x"
        with suppress(UnusableVideo, DownloadFailed):
            await downloader.fetch(url, folder / "fetched")
        if dice.random() < 0.5:
            return
        async with FoxAPI(f"http://{server.host}", SecretStr("k"), "m", 2, query_seconds=2) as fox:
            for call in (fox.get_task("t"), fox.submit("p", "https://x.test/a.mp4", 6), fox.list_models()):
                with suppress(FoxError):
                    await call
        async with aiohttp.ClientSession() as session:
            with suppress(http.RequestFailed):
                await http.get(session, url, {}, lambda: datetime.now(UTC))

    return parse


async def make_listing_parser(paths: Sequence[Path]) -> Parser:
    """Ffmpeg's logs and packet listings of real clips, mutated."""
    tool, real = Ffmpeg(threads=1), []
    for path in paths:
        listing = await tool.run([*tool.build_input_args(path), *build_listing_args(MARK)], seconds=20)
        real.append((listing, path.read_bytes()[:4096]))

    async def parse(dice: Dice) -> None:
        ran, beginning = dice.choice(real)
        facts = ran.stderr.index("\nOutput #0")  # mutates the part that is parsed more often than the rest
        stderr = spoil_text(ran.stderr[:facts], dice) + spoil_numbers(spoil_text(ran.stderr[facts:], dice), dice)
        stdout = ran.stdout
        if dice.random() < 0.5:
            stdout = spoil_numbers(ran.stdout[: dice.choice([300, 3000])].decode(), dice).encode(errors="replace")
        with suppress(UnusableVideo):
            seen = parse_probe(FfmpegResult(0, stdout, stderr), MARK, spoil_bytes(beginning, dice), 1000)
            assert seen.clip.width > 0
            assert seen.clip.height > 0
            choose_format(seen)
            find_rejection(seen.clip)

    return parse


async def parse_packets(dice: Dice) -> None:
    """Listings of packets."""
    lines = [
        "#tb 0: 1/12800",
        "#tb 1: 1/48000",
        *(f"0,{at},{at},512,99,0x1,F=0x{at % 5}" for at in range(0, 4000, 512)),
    ]
    for timeline in parse_timelines(
        spoil_numbers(spoil_text("\n".join(lines), dice), dice).encode(errors="replace")
    ).values():
        assert timeline.seconds >= 0 or timeline.timestamps
        assert timeline.constant_rate is None or timeline.constant_rate > 0


def make_clip_parser(paths: Sequence[Path], folder: Path) -> Parser:
    """Video files, processed as the bot does."""
    tool, whole = Ffmpeg(threads=1, max_processes=2), [path.read_bytes() for path in paths]

    async def parse(dice: Dice) -> None:
        content, path, into = bytearray(dice.choice(whole)), folder / "spoilt", folder / "made.mp4"
        for _ in range(dice.choice([1, 3, 20, 200])):
            reach = min(len(content), dice.choice([200, 2000, 10**9]))
            content[dice.randrange(reach)] = dice.choice([0, 0xFF, dice.randrange(256)])
        path.write_bytes(content if dice.random() < 0.8 else content[: dice.randrange(len(content))])
        with suppress(UnusableVideo):
            clip = await probe(tool, path)
            await make_thumbnail(tool, path, clip)
            await prepare(tool, path, into)
        into.unlink(missing_ok=True)

    return parse


async def parse_fox_json(dice: Dice) -> None:
    """FoxAPI's JSON; every parsed text can be stored and shown."""
    body = spoil_bytes(dice.choice(inputs.JSONS), dice)
    head = {"Retry-After": spoil_text(dice.choice(inputs.WAITS), dice), "x-request-id": spoil_text("req-1", dice)}
    for status in (200, 201, 402, 422, 429, 503):
        texts = []
        try:
            content = parse_response(status, head, body)
        except FoxError as error:
            texts += [str(error), str(getattr(error, "message", ""))]
        else:
            seen = parse_task(content)
            texts += [seen.url or "", str(seen.message or ""), seen.code, parse_url(content.get("url")) or ""]
            assert 0 <= seen.percent <= 100
            with suppress(FoxError):
                texts.append(parse_submission(content).remote_id)
        for text in texts:
            assert "\0" not in text
            text.encode()


async def parse_waits(dice: Dice) -> None:
    """Retry-After values and dates."""
    text = spoil_numbers(spoil_text(dice.choice(inputs.WAITS), dice), dice)
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    seconds = parse_retry_after(text, moment)
    assert seconds is None or 0 <= seconds <= RETRY_MOST
    if date := parse_http_date(text):
        assert (date - moment) is not None


async def parse_custom_ids(dice: Dice) -> None:
    """custom_ids of pressed buttons and values of modals."""
    text = spoil_text(dice.choice(inputs.CUSTOM_IDS), dice)
    for kind in components.PersistentItem.__subclasses__():
        if found := kind.__discord_ui_compiled_template__.fullmatch(text):
            for part in filter(None, found.groupdict().values()):
                with suppress(RequestRefused):
                    assert components.parse_id(part) < 1 << 63
    with suppress(RequestRefused):
        components.parse_first_id(re.split(":", text)[2:])
    with suppress(RequestRefused):
        modals.parse_int(spoil_text(dice.choice(inputs.NUMBERS), dice), tr("Why? Members are shown this."))
