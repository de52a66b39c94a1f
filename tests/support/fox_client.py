"""A client of the FoxAPI fake and small clips, for the tests of the fake itself."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.sandbox.foxapi import FoxServer, ffmpeg

Json = dict[str, Any]
Body = bytes | aiohttp.FormData | None
CREATE, TASKS, UPLOAD = "/v1/videos/generations", "/v1/tasks/", "/v1/files/upload/stream"
MODEL = "grok-imagine-video-extension"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@dataclass
class Client:
    """A client of `fox` with its own User-Agent; only FoxAPI's own calls carry the key."""

    fox: FoxServer
    session: aiohttp.ClientSession

    async def call(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, json: object = None, data: Body = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.fox.key}"} | (headers or {})
        url = self.fox.url + path
        async with self.session.request(method, url, headers=headers, json=json, data=data) as answer:
            text = await answer.text()
            return answer.status, await answer.json() if answer.content_type == "application/json" else text

    async def upload(self, path: Path) -> str:
        status, told = await self.call("POST", UPLOAD, data=form(await asyncio.to_thread(path.read_bytes)))
        assert status == 200, told
        return str(told["url"])

    async def create(self, url: str, seconds: int = 2, prompt: str = "go on") -> str:
        body = {"model": MODEL, "prompt": prompt, "video_url": url, "duration": seconds}
        status, told = await self.call("POST", CREATE, json=body)
        assert status == 200, told
        return str(told["id"])

    async def query(self, task_id: str) -> Json:
        status, told = await self.call("GET", TASKS + task_id)
        assert status == 200
        assert isinstance(told, dict)
        return told

    async def wait_finished(self, task_id: str) -> Json:
        await self.fox.tasks[task_id].ended.wait()
        return await self.query(task_id)

    async def get_failure(self, url: str) -> str:
        told = await self.wait_finished(await self.create(url))
        assert told["status"] == "failed"
        assert told["results"] is None
        assert told["error"]["code"] == "invalid_parameters"
        return str(told["error"]["message"])

    async def download(self, told: Json, path: Path) -> Path:
        async with self.session.get(told["results"][0]["url"]) as answer:
            assert answer.status == 200
            await asyncio.to_thread(path.write_bytes, await answer.read())
        return path


@asynccontextmanager
async def open_client(fox: FoxServer) -> AsyncIterator[Client]:
    """Start `fox` and open a client; both are closed on exit."""
    async with fox, aiohttp.ClientSession(headers={"User-Agent": "extend-bot-tests/1.0"}) as session:
        yield Client(fox, session)


def form(content: bytes, filename: str = "a.mp4") -> aiohttp.FormData:
    """An upload's multipart body."""
    fields = aiohttp.FormData()
    fields.add_field("file", io.BytesIO(content), filename=filename)
    return fields


async def run_ffmpeg(path: Path, *arguments: str) -> Path:
    """Make a file with ffmpeg."""
    await ffmpeg.run([*arguments, path], 20)
    return path


def build_source(seconds: float, size: str = "160x90") -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=10:d={seconds}", *X264)


async def make_clip(folder: Path) -> Path:
    """Make a clip of four seconds, 320x180, with sound."""
    picture = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4")
    return await run_ffmpeg(folder / "clip.mp4", *picture, "-f", "lavfi", "-i", "sine=d=4", *X264, "-c:a", "aac")
