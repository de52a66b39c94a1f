"""The FoxAPI fake's server: the documented calls on a port of 127.0.0.1."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import string
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import BodyPartReader, web

from bot.sandbox.clock import Clock
from bot.sandbox.faults import Call, Faults, Handler
from bot.sandbox.foxapi.contract import MODEL, make_error, parse_request
from bot.sandbox.foxapi.files import FileStore, sanitize_filename
from bot.sandbox.foxapi.quirks import Quirks
from bot.sandbox.foxapi.render_queue import RenderCache, Renderer, RenderQueue
from bot.sandbox.foxapi.tasks import Payment, Task

CREDITS_PER_TASK = 5
MakeRenderer = Callable[[Path, Callable[[Path], str]], Renderer]
"""Makes a renderer from the results folder and the function that makes a result's URL."""
LIBRARY_AGENTS = re.compile(r"^(python[-/ ]|aiohttp|httpx|curl/|go-http-client|node|axios|okhttp|$)", re.IGNORECASE)


class FoxServer:
    """An async context manager; `url` and `key` go into the bot's settings.

    `quirks` apply to every task, `next_quirks` to the next one only, `faults` to single HTTP calls. `tasks` (by id) and
    `payments` (in order) are the record. `balance` is in credits; each task costs five.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        key: str | None = None,
        watch: Callable[[Call], None] | None = None,
        balance: int = 10_000,
        pace: float = 0.0,
        at_once: int = 2,
        upload_limit: int = 100 * 1024 * 1024,
        render_cache: RenderCache | None = None,
        make_renderer: MakeRenderer | None = None,
    ) -> None:
        """`pace`: minimum seconds per rendering; `at_once`: concurrent renderings, further tasks stay pending.

        `upload_limit` is in bytes. With a `render_cache`, requests that differ only in their prompt are rendered once
        and then served from it. `make_renderer` replaces the whole rendering (load tests).
        """
        self.key = key or f"fox-{secrets.token_hex(12)}"
        self.clock = clock
        self.faults = Faults(clock.now, watch)
        self.balance = balance
        self.quirks = Quirks()
        self.next_quirks: Quirks | None = None
        self.models = [MODEL]
        self.tasks: dict[str, Task] = {}
        self.payments: list[Payment] = []
        self.url = ""
        self._pace, self._at_once, self._render_cache = pace, at_once, render_cache
        self._make_renderer = make_renderer
        self._upload_limit = upload_limit
        self._open = AsyncExitStack()
        self._files: FileStore
        self._renderer: Renderer

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="fake-foxapi-"))
            opening.push_async_callback(asyncio.to_thread, shutil.rmtree, folder, ignore_errors=True)
            session = await opening.enter_async_context(aiohttp.ClientSession())
            self._files = FileStore(folder, self.clock, self._upload_limit)
            self._renderer = self._choose_renderer(folder, session)
            await self._renderer.open()
            opening.push_async_callback(self._renderer.close)
            runner = web.AppRunner(self._build_app(), access_log=None, shutdown_timeout=0.5)
            opening.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = self._files.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def _choose_renderer(self, folder: Path, session: aiohttp.ClientSession) -> Renderer:
        link = self._files.make_result_url
        if self._make_renderer:
            return self._make_renderer(folder, link)
        return RenderQueue(folder, session, link, pace=self._pace, at_once=self._at_once, cache=self._render_cache)

    def _build_app(self) -> web.Application:
        app = web.Application(middlewares=[self.faults.middleware, self._authenticate])
        app.add_routes(
            [
                web.post("/v1/videos/generations", self._create_task),
                web.get("/v1/tasks/{id}", self._get_task),
                web.post("/v1/files/upload/stream", self._upload),
                web.get("/v1/models", self._list_models),
                web.get("/api/usage/token/", self._get_usage),
                web.get("/files/{id}/{name}", self._files.serve_upload),
                web.get("/results/{name}", self._files.serve_result),
            ]
        )
        return app

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Reject default user agents with plain text, as FoxAPI's gateway was seen to do; then check the key."""
        if request.path.startswith(("/v1/", "/api/")):
            if LIBRARY_AGENTS.match(request.headers.get("User-Agent", "")):
                raise web.HTTPForbidden(text="error code: 1010")
            given = request.headers.get("Authorization", "")
            if not secrets.compare_digest(given.encode(), f"Bearer {self.key}".encode()):
                raise make_error(401, "Invalid token", "authentication_error", "invalid_api_key")
        response = await handler(request)
        if not response.prepared:
            response.headers["x-request-id"] = secrets.token_hex(8)
        return response

    async def _create_task(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        rendering = parse_request(body)
        if self.balance < CREDITS_PER_TASK:
            raise make_error(402, "insufficient balance", "insufficient_quota", "insufficient_balance")
        quirks, self.next_quirks = self.next_quirks or self.quirks, None
        now = int(self.clock.now())
        estimate = max(1, round(self._pace * quirks.slower) + 2)
        task = Task(_make_task_id(now), now, rendering, CREDITS_PER_TASK, estimate, quirks)
        self.balance -= task.credits
        self.payments.append(Payment(task.id, task.credits, body))
        self.tasks[task.id] = task
        response = web.json_response(task.as_created())
        self._renderer.enqueue(task)
        return response

    async def _get_task(self, request: web.Request) -> web.StreamResponse:
        task = self.tasks.get(request.match_info["id"])
        if task is None:
            raise make_error(404, "task not found", "invalid_request_error", "task_not_found")
        return web.json_response(task.as_queried())

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "multipart/form-data":
            raise make_error(400, "multipart/form-data expected", "invalid_request_error")
        upload, name = None, None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name not in ("file", "file_name"):
                raise make_error(422, "unknown form field", "invalid_request_error", "invalid_parameters")
            if part.name == "file":
                upload = await self._files.store(part)
            else:
                name = sanitize_filename((await part.read_chunk(1024)).decode(errors="replace"))
        if upload is None:
            raise make_error(422, "file is required", "invalid_request_error", "invalid_parameters")
        upload = replace(upload, filename=name or upload.filename)
        self._files.uploads[upload.id] = upload
        fields = {"id": upload.id, "filename": upload.filename, "size": upload.size, "created": upload.created}
        return web.json_response(fields | {"url": self._files.make_upload_url(upload)})

    async def _list_models(self, _: web.Request) -> web.StreamResponse:
        data = [{"id": model, "object": "model", "owned_by": "foxapi"} for model in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _get_usage(self, _: web.Request) -> web.StreamResponse:
        used = sum(payment.credits for payment in self.payments)
        fields = {"object": "token_usage", "total_granted": self.balance + used, "total_used": used}
        return web.json_response({"code": True, "message": "ok", "data": fields | {"total_available": self.balance}})


def _make_task_id(now: int) -> str:
    alphabet = string.ascii_lowercase + string.digits
    return f"task-unified-{now}-{''.join(secrets.choice(alphabet) for _ in range(8))}"
