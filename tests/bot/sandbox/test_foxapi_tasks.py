"""The FoxAPI fake's tasks: rendered videos, rejected clips, and every quirk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.sandbox.clock import Clock
from bot.sandbox.foxapi import Failure, FoxServer, Pause, Quirks, ffmpeg
from bot.sandbox.foxapi.probe import probe
from tests.support.fox_client import Client, build_source, make_clip, open_client, run_ffmpeg
from tests.support.odd_clips import make_odd


@pytest.fixture(scope="module")
async def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of 320x180 with sound."""
    return await make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a FoxAPI fake without quirks."""
    async with open_client(FoxServer(Clock())) as client:
        yield client


async def test_the_result_is_the_clip_and_its_extension(client: Client, clip: Path, tmp_path: Path) -> None:
    """The result is one video of input and extension, with the input's size, rate and sound, and decodes cleanly."""
    task_id = await client.create(await client.upload(clip), 3, "it's 100% {odd}; [v] \\ :\n" + "word " * 300)
    told = await client.wait_finished(task_id)
    assert (told["status"], told["progress"], told["error"]) == ("completed", 100, None)
    assert told["usage"] == {"credits_reserved": 5, "user_group": "default"}
    result = await client.download(told, tmp_path / "result.mp4")
    found = await probe(result)
    assert found.seconds == pytest.approx(7, abs=0.05)
    assert (found.width, found.height, found.rate) == (320, 180, 25)
    assert (found.codec, found.audio, found.mp4) == ("h264", True, True)
    await ffmpeg.run(["-xerror", "-i", result, "-f", "null", "-"], 20)


async def test_the_new_part_alone_goes_on_moving(client: Client, clip: Path, tmp_path: Path) -> None:
    """With `joined=False` the result is only the new part, and its frames differ."""
    client.fox.quirks = Quirks(joined=False)
    told = await client.wait_finished(await client.create(await client.upload(clip), 2))
    result = await client.download(told, tmp_path / "result.mp4")
    assert (await probe(result)).seconds == pytest.approx(2, abs=0.05)
    pictures = tmp_path / "%d.png"
    await ffmpeg.run(["-i", result, "-vf", "fps=2", pictures], 20)
    contents = {(tmp_path / f"{number}.png").read_bytes() for number in (1, 2, 3, 4)}
    assert len(contents) == 4


@pytest.mark.parametrize(
    ("size", "expected"), [("1920x1080", (1280, 720)), ("1080x1920", (720, 1280)), ("322x182", (322, 182))]
)
async def test_the_result_is_at_most_720p(client: Client, tmp_path: Path, size: str, expected: tuple[int, int]) -> None:
    """The aspect ratio is kept, the shorter side is at most 720 pixels, and a silent clip stays silent."""
    url = await client.upload(await run_ffmpeg(tmp_path / "clip.mp4", *build_source(2, size)))
    told = await client.wait_finished(await client.create(url))
    found = await probe(await client.download(told, tmp_path / "result.mp4"))
    assert (found.width, found.height) == expected
    assert found.seconds == pytest.approx(4, abs=0.05)
    assert not found.audio


async def test_a_turned_clip_is_extended_upright(client: Client, tmp_path: Path) -> None:
    """With lenient reading, a rotated clip comes back upright."""
    lying = await run_ffmpeg(tmp_path / "lying.mp4", *build_source(2, "320x180"))
    turned = await run_ffmpeg(tmp_path / "turned.mp4", "-display_rotation", "90", "-i", str(lying), "-c", "copy")
    client.fox.next_quirks = Quirks(strict=False)
    told = await client.wait_finished(await client.create(await client.upload(turned)))
    found = await probe(await client.download(told, tmp_path / "result.mp4"))
    assert (found.width, found.height) == (180, 320)


async def test_progress_rises_with_the_encoder(clip: Path) -> None:
    """Progress never decreases and takes at least three values between 0 and 100."""
    async with open_client(FoxServer(Clock(), pace=1.0)) as client:
        task_id = await client.create(await client.upload(clip))
        seen = []
        while (told := await client.query(task_id))["status"] != "completed":
            seen.append(told["progress"])
            await asyncio.sleep(0.02)
    assert seen == sorted(seen)
    assert len({value for value in seen if 0 < value < 100}) >= 3


async def test_no_more_than_so_many_render_at_once(clip: Path) -> None:
    """A third task stays pending until one of two has ended."""
    async with open_client(FoxServer(Clock())) as client:
        url = await client.upload(clip)
        pauses = [Pause(0), Pause(0), Pause(0)]
        ids = []
        for pause in pauses:
            client.fox.next_quirks = Quirks(pause=pause)
            ids.append(await client.create(url))
        await asyncio.gather(pauses[0].reached.wait(), pauses[1].reached.wait())
        assert [(await client.query(each))["status"] for each in ids] == ["processing", "processing", "pending"]
        pauses[0].release.set()
        await pauses[2].reached.wait()
        assert (await client.query(ids[2]))["status"] == "processing"


async def test_a_rendering_can_be_held(client: Client, clip: Path) -> None:
    """A pause keeps a task at its percentage until it is released."""
    pause = Pause(50)
    client.fox.next_quirks = Quirks(pause=pause)
    task_id = await client.create(await client.upload(clip))
    await pause.reached.wait()
    told = await client.query(task_id)
    assert (told["status"], told["progress"]) == ("processing", 50)
    pause.release.set()
    assert (await client.wait_finished(task_id))["status"] == "completed"


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("short.mp4", build_source(1), "between 2 and 15 seconds"),
        ("long.mp4", build_source(16), "between 2 and 15 seconds"),
        ("a.mov", build_source(3), "MP4"),
        ("a.mkv", build_source(3), "MP4"),
        ("a.mp4", (*build_source(3)[:4], "-c:v", "mpeg4"), "codec mpeg4"),
        ("sound.mp4", ("-f", "lavfi", "-i", "sine=d=3"), "not a readable video"),
    ],
)
async def test_an_unfit_clip_fails_the_task(
    client: Client, tmp_path: Path, name: str, arguments: tuple[str, ...], reason: str
) -> None:
    """An unusable clip fails the task with the reason."""
    assert reason in await client.get_failure(await client.upload(await run_ffmpeg(tmp_path / name, *arguments)))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("over.mp4", "between 2 and 15 seconds"),
        ("recorder.mp4", "between 2 and 15 seconds"),
        ("fragments.mp4", "fragmented"),
        ("two_videos.mp4", "one video track"),
        ("second_sound.mp4", "at most one audio track"),
        ("turned.mp4", "rotated or mirrored"),
        ("mirrored.mp4", "rotated or mirrored"),
        ("444.mp4", "pixel format yuv444p"),
        ("wide.mp4", "1:1"),
        ("hev1.mp4", "sample entry hev1"),
        ("late_pictures.mp4", "empty edit"),
        ("disabled.mp4", "disabled"),
        ("encrypted.mp4", "encv is not supported"),
    ],
)
async def test_a_strict_service_refuses_what_only_looks_fit(
    client: Client, tmp_path: Path, name: str, reason: str
) -> None:
    """The fake's own strict reader rejects clips that the bot might misjudge."""
    clip = (await asyncio.to_thread(make_odd, tmp_path, name)).rename(tmp_path / "given.mp4")
    assert reason in await client.get_failure(await client.upload(clip))


@pytest.mark.parametrize("content", [b"", b"not a video", b"<html></html>"])
async def test_what_is_no_video_fails_the_task(client: Client, tmp_path: Path, content: bytes) -> None:
    """A file that is not a video fails the task with the reason."""
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert "not a readable video" in await client.get_failure(await client.upload(path))


async def test_a_cut_off_clip_fails_the_task(client: Client, clip: Path, tmp_path: Path) -> None:
    """A truncated clip fails the task, whether its index or only its frames are missing."""
    indexed = await run_ffmpeg(tmp_path / "indexed.mp4", "-i", str(clip), "-c", "copy", "-movflags", "+faststart")
    for whole in (clip, indexed):
        content = whole.read_bytes()
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(content[: len(content) // 2])
        assert re.search("damaged|not a readable", await client.get_failure(await client.upload(cut)))


async def test_an_address_that_cannot_be_fetched_fails_the_task(client: Client, unused_port: int) -> None:
    """A refused connection and a 404 each fail the task with the reason."""
    assert "could not be fetched" in await client.get_failure(f"http://127.0.0.1:{unused_port}/a.mp4")
    assert "HTTP 404" in await client.get_failure(f"{client.fox.url}/files/none/a.mp4")


@pytest.fixture
async def unused_port() -> int:
    """A port without a listener."""
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    return port


async def test_a_body_without_end_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download over the size limit is stopped and fails the task."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))

    monkeypatch.setattr("bot.sandbox.foxapi.download.BYTES_LIMIT", 1024 * 1024)
    app = web.Application()
    app.router.add_get("/", endless)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        assert "larger than" in await client.get_failure(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    finally:
        await runner.cleanup()


async def test_a_task_can_be_told_to_fail(client: Client, clip: Path) -> None:
    """The next task fails with the given code and message at the given progress, and the one after it succeeds."""
    url = await client.upload(clip)
    client.fox.next_quirks = Quirks(failure=Failure("content_policy_violation", "not this", at=30))
    told = await client.wait_finished(await client.create(url))
    assert (told["status"], told["progress"] >= 30) == ("failed", True)
    assert told["error"] == {"code": "content_policy_violation", "message": "not this", "type": "task_error"}
    assert (await client.wait_finished(await client.create(url)))["status"] == "completed"
    assert len(client.fox.payments) == 2


async def test_results_can_be_withheld(client: Client, clip: Path) -> None:
    """A completed task withholds its results for a number of queries, or forever."""
    url = await client.upload(clip)
    client.fox.next_quirks = Quirks(withheld=2)
    task_id = await client.create(url)
    answers = [(await client.wait_finished(task_id))["results"] for _ in range(4)]
    assert answers[:2] == [None, None]
    assert answers[2] is not None
    assert answers[2] == answers[3]
    client.fox.next_quirks = Quirks(withheld=None)
    task_id = await client.create(url)
    assert [(await client.wait_finished(task_id))["results"] for _ in range(4)] == [None] * 4


async def test_older_shapes_of_the_answer(client: Client, clip: Path) -> None:
    """Quirks return results as strings or under `output`, and leave out fields."""
    url = await client.upload(clip)
    client.fox.next_quirks = Quirks(shape="strings", sparse=True)
    told = await client.wait_finished(await client.create(url))
    assert told["results"][0].startswith("http")
    assert not told.keys() & {"created", "progress", "task_info"}
    client.fox.next_quirks = Quirks(shape="output.url")
    told = await client.wait_finished(await client.create(url))
    assert told["output"]["url"].startswith("http")
    client.fox.next_quirks = Quirks(shape="output.urls")
    told = await client.wait_finished(await client.create(url))
    assert told["output"]["urls"][0].startswith("http")
    assert "results" not in told


async def test_a_task_can_end_as_cancelled_or_never(client: Client, clip: Path) -> None:
    """Quirks end a task with the status `cancelled`, or leave it stuck."""
    url = await client.upload(clip)
    client.fox.next_quirks = Quirks(ends_cancelled=True)
    assert (await client.wait_finished(await client.create(url)))["status"] == "cancelled"
    client.fox.next_quirks = Quirks(stuck=True)
    stuck = await client.create(url)
    assert (await client.wait_finished(await client.create(url)))["status"] == "completed"
    told = await client.query(stuck)
    assert (told["status"], told["progress"]) == ("processing", 0)


async def test_equal_orders_can_share_one_rendering(clip: Path) -> None:
    """With a render cache equal requests are rendered once, and each task still has its own link."""
    async with open_client(FoxServer(Clock(), render_cache={})) as client:
        url = await client.upload(clip)
        first = await client.wait_finished(await client.create(url))
        second = await client.wait_finished(await client.create(url))
        assert first["results"] != second["results"]
        assert second["status"] == "completed"


async def test_closing_ends_renderings_at_once(clip: Path) -> None:
    """Closing the server kills a long rendering at once."""
    async with open_client(FoxServer(Clock(), pace=30)) as client:
        pause = Pause(1)
        client.fox.next_quirks = Quirks(pause=pause)
        await client.create(await client.upload(clip))
        await pause.reached.wait()
        async with asyncio.timeout(5):
            await client.fox.__aexit__(None, None, None)
