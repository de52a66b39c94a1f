"""What the bot asks of others, as aiohttp's tracing tells it; with names that are few, whatever the paths hold."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Protocol

import aiohttp
from yarl import URL

NO_ANSWER = "none"
_OTHER = "other"
_Names = Sequence[tuple[str, re.Pattern[str], str]]

FOXAPI: _Names = (
    ("POST", re.compile(r"/videos/generations$"), "submit"),
    ("GET", re.compile(r"/tasks/[^/]+$"), "query"),
    ("POST", re.compile(r"/files/upload/"), "upload"),
    ("GET", re.compile(r"/models$"), "models"),
)
DISCORD: _Names = (
    ("PATCH", re.compile(r"/messages/[^/]+$"), "edit"),
    ("POST", re.compile(r"/interactions/\d+/[^/]+/callback$"), "respond"),
    ("POST", re.compile(r"/(channels/\d+/(messages|threads)|webhooks/\d+/[^/]+)$"), "post"),
    ("DELETE", re.compile(r"/messages/[^/]+$"), "delete"),
)


class RequestObserver(Protocol):
    """Who is told of a request once it was answered, or not."""

    def __call__(self, call: str, status: str, seconds: float) -> None:
        """`status` is HTTP's, or NO_ANSWER; `seconds` until the answer began."""


def make_trace(names: _Names, heard: RequestObserver, clock: Callable[[], float] | None = None) -> aiohttp.TraceConfig:
    """A trace for a session; `heard` may neither wait nor raise."""
    clock = clock or asyncio.get_running_loop().time

    async def began(_: aiohttp.ClientSession, request: SimpleNamespace, __: aiohttp.TraceRequestStartParams) -> None:
        request.began = clock()

    async def ended(_: aiohttp.ClientSession, request: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
        heard(call_name(names, end.method, end.url), str(end.response.status), clock() - request.began)

    async def broke(
        _: aiohttp.ClientSession, request: SimpleNamespace, end: aiohttp.TraceRequestExceptionParams
    ) -> None:
        heard(call_name(names, end.method, end.url), NO_ANSWER, clock() - request.began)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(began)
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(broke)
    return trace


def call_name(names: _Names, method: str, url: URL) -> str:
    """The name of this request."""
    return next((name for verb, path, name in names if verb == method and path.search(url.path)), _OTHER)
