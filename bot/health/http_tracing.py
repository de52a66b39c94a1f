"""Observe outgoing requests with aiohttp's tracing, under a small fixed set of call names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Protocol

import aiohttp
from yarl import URL

NO_RESPONSE = "none"
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
    """Called after each request, successful or not."""

    def __call__(self, call: str, status: str, seconds: float) -> None:
        """`status`: the HTTP status or NO_RESPONSE; `seconds`: until the response started."""


def make_trace(
    names: _Names, observe: RequestObserver, clock: Callable[[], float] | None = None
) -> aiohttp.TraceConfig:
    """Build a trace for a session; `observe` must neither block nor raise."""
    clock = clock or asyncio.get_running_loop().time

    async def on_start(_: aiohttp.ClientSession, request: SimpleNamespace, __: aiohttp.TraceRequestStartParams) -> None:
        request.started_at = clock()

    async def on_end(_: aiohttp.ClientSession, request: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
        observe(get_call_name(names, end.method, end.url), str(end.response.status), clock() - request.started_at)

    async def on_exception(
        _: aiohttp.ClientSession, request: SimpleNamespace, end: aiohttp.TraceRequestExceptionParams
    ) -> None:
        observe(get_call_name(names, end.method, end.url), NO_RESPONSE, clock() - request.started_at)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(on_start)
    trace.on_request_end.append(on_end)
    trace.on_request_exception.append(on_exception)
    return trace


def get_call_name(names: _Names, method: str, url: URL) -> str:
    """Return the name of this call."""
    return next((name for verb, path, name in names if verb == method and path.search(url.path)), _OTHER)
