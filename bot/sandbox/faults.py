"""Misbehaviour on demand: rules that a stand-in's server obeys, and the record of what it was asked.

Both stand-ins use one :class:`Faults` each as aiohttp middleware. A test (or the side panel) adds a rule; the first
rule that matches a request is spent on it. The record is what tests count payments by.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer this instead of doing what was asked; with `after=True` although it was done."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    after: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection without doing what was asked."""


@dataclass(frozen=True, slots=True)
class Lose:
    """Do what was asked, then drop the connection instead of answering."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """Do what was asked, send half of the answer's body, then drop the connection."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Wait this many seconds, then do what was asked."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait until `release` is set: before doing what was asked, or (`after=True`) between doing and answering.

    `reached` is set when a request stands there, so that a test can act at exactly that point.
    """

    after: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


Action = Answer | Reset | Lose | Truncate | Slow | Hold


@dataclass(slots=True)
class Rule:
    """What to do to requests whose method and path (a regular expression, searched) match; `times` None: always.

    `at_least`: only requests whose body has so many bytes (those that bring a video, say).
    """

    method: str
    path: re.Pattern[str]
    action: Action
    times: int | None = 1
    at_least: int = 0

    def matches(self, request: web.Request) -> bool:
        """Whether the rule is meant for this request."""
        same = self.method == request.method and (request.content_length or 0) >= self.at_least
        return same and bool(self.path.search(request.path))


@dataclass(slots=True)
class Call:
    """One request as it arrived; once `done`, `status` is what it was answered with (None: dropped)."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    at: float
    status: int | None = None
    done: bool = False


class Faults:
    """The rules that are in force and the calls that came, of one stand-in."""

    def __init__(self, now: Callable[[], float], watch: Callable[[Call], None] | None = None) -> None:
        """`watch` is told of every call once it is answered or dropped (the side panel's feed)."""
        self._now = now
        self._watch = watch
        self._rules: list[Rule] = []
        self._news = asyncio.Condition()
        self.calls: list[Call] = []

    def add(self, method: str, path: str, action: Action, times: int | None = 1, *, at_least: int = 0) -> Rule:
        """From now on `action` befalls the next `times` requests that match (see Rule)."""
        rule = Rule(method, re.compile(path), action, times, at_least)
        self._rules.append(rule)
        return rule

    def is_armed(self, rule: Rule) -> bool:
        """Whether `rule` is still waiting for a request (the side panel shows it)."""
        return any(each is rule for each in self._rules)

    def clear(self) -> None:
        """Behave again."""
        self._rules.clear()

    def matching(self, method: str, path: str) -> list[Call]:
        """The calls so far whose method is `method` and whose path matches the regular expression `path`."""
        return [call for call in self.calls if call.method == method and re.search(path, call.path)]

    async def wait(self, method: str, path: str, count: int = 1) -> list[Call]:
        """Return once `count` such calls have been answered (or dropped)."""
        async with self._news:
            await self._news.wait_for(lambda: len(self._done(method, path)) >= count)
        return self._done(method, path)

    def _done(self, method: str, path: str) -> list[Call]:
        return [call for call in self.matching(method, path) if call.done]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record the request, then do what the first matching rule says, or what was asked."""
        # A multipart body is read by its handler as a stream; what is recorded of it is its head line alone.
        body = b"" if request.content_type.startswith("multipart/") else await request.read()
        call = Call(request.method, request.path, request.query_string, dict(request.headers), body, self._now())
        self.calls.append(call)
        try:
            response = await self._obey(self._spend(request), request, handler)
            call.status = response.status
            return response
        except web.HTTPException as answer:
            call.status = answer.status
            raise
        finally:
            await self._end(call)

    async def _end(self, call: Call) -> None:
        call.done = True
        if self._watch:
            self._watch(call)
        async with self._news:
            self._news.notify_all()

    def _spend(self, request: web.Request) -> Action | None:
        for rule in self._rules:
            if rule.matches(request):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        self._rules.remove(rule)
                return rule.action
        return None

    async def _obey(self, action: Action | None, request: web.Request, handler: Handler) -> web.StreamResponse:
        match action:
            case Answer(status, body, headers, content_type, after):
                if after:
                    await handler(request)
                typed = {**headers, "Content-Type": content_type}
                return web.Response(status=status, body=body.encode(), headers=typed)
            case Reset():
                raise drop_connection(request)
            case Lose():
                await handler(request)
                raise drop_connection(request)
            case Truncate():
                return await send_half(request, await handler(request))
            case Slow(seconds):
                await asyncio.sleep(seconds)
            case Hold(after=False, reached=reached, release=release):
                reached.set()
                await release.wait()
            case Hold(reached=reached, release=release):
                response = await handler(request)
                reached.set()
                await release.wait()
                return response
            case None:
                pass
        return await handler(request)


def drop_connection(request: web.Request) -> ConnectionResetError:
    """Cut the request's connection; raise what this returns, so that aiohttp answers nothing."""
    if request.transport is not None:
        request.transport.abort()
    return ConnectionResetError("dropped by a fault rule")


async def send_half(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    """Send the head of `whole` and half its body, then cut the connection (raises)."""
    if isinstance(whole, web.FileResponse):
        body = await asyncio.to_thread(whole._path.read_bytes)
    else:
        body = bytes(whole.body) if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
    part = web.StreamResponse(status=whole.status)
    part.content_type = whole.content_type
    part.content_length = len(body)
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    raise drop_connection(request)
