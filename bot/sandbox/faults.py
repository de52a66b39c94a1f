"""Fault injection for both fakes, and a record of the requests that they received.

Each fake uses one :class:`Faults` as aiohttp middleware. Tests and the control panel add rules; the first rule that
matches a request is applied to it. Tests count payments by the record.
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
    """Respond with this instead of handling the request; with `after=True`, after handling it."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    after: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection without handling the request."""


@dataclass(frozen=True, slots=True)
class Lose:
    """Handle the request, then drop the connection instead of responding."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """Handle the request, send half of the response body, then drop the connection."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Wait this many seconds, then handle the request."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait until `release` is set: before handling the request, or with `after=True` before responding.

    `reached` is set when a request waits there, so that a test can act at exactly that point.
    """

    after: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


Action = Answer | Reset | Lose | Truncate | Slow | Hold


@dataclass(slots=True)
class Rule:
    """An action for requests whose method and path (a regular expression, searched) match; `times` None: always.

    `at_least`: only requests with at least this many bytes in the body, for example those with a video.
    """

    method: str
    path: re.Pattern[str]
    action: Action
    times: int | None = 1
    at_least: int = 0

    def matches(self, request: web.Request) -> bool:
        """Whether the rule applies to this request."""
        same = self.method == request.method and (request.content_length or 0) >= self.at_least
        return same and bool(self.path.search(request.path))


@dataclass(slots=True)
class Call:
    """One request. Once it is `done`, `status` is the status of the response (None: dropped)."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    at: float
    status: int | None = None
    done: bool = False


class Faults:
    """The active rules and the received calls of one fake."""

    def __init__(self, now: Callable[[], float], watch: Callable[[Call], None] | None = None) -> None:
        """`watch` is called with every call once it is answered or dropped (the control panel's feed)."""
        self._now = now
        self._watch = watch
        self._rules: list[Rule] = []
        self._changed = asyncio.Condition()
        self.calls: list[Call] = []

    def add(
        self, method: str, path: str, action: Action, times: int | None = 1, *, at_least: int = 0, first: bool = False
    ) -> Rule:
        """Apply `action` to the next `times` matching requests (see Rule); `first`: before the rules that are there."""
        rule = Rule(method, re.compile(path), action, times, at_least)
        self._rules.insert(0 if first else len(self._rules), rule)
        return rule

    def is_armed(self, rule: Rule) -> bool:
        """Whether `rule` is still waiting for a request (shown in the control panel)."""
        return any(each is rule for each in self._rules)

    def remove(self, rule: Rule) -> None:
        """Stop applying `rule`."""
        self._rules = [each for each in self._rules if each is not rule]

    def clear(self) -> None:
        """Remove every rule."""
        self._rules.clear()

    def matching(self, method: str, path: str) -> list[Call]:
        """The calls so far whose method is `method` and whose path matches the regular expression `path`."""
        return [call for call in self.calls if call.method == method and re.search(path, call.path)]

    async def wait(self, method: str, path: str, count: int = 1) -> list[Call]:
        """Return once `count` matching calls have been answered or dropped."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._find_done(method, path)) >= count)
        return self._find_done(method, path)

    def _find_done(self, method: str, path: str) -> list[Call]:
        return [call for call in self.matching(method, path) if call.done]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record the request, then apply the first matching rule or handle the request."""
        # A multipart body is read by its handler as a stream, so it is not recorded.
        body = b"" if request.content_type.startswith("multipart/") else await request.read()
        call = Call(request.method, request.path, request.query_string, dict(request.headers), body, self._now())
        self.calls.append(call)
        try:
            response = await self._apply(self._take_action(request), request, handler)
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
        async with self._changed:
            self._changed.notify_all()

    def _take_action(self, request: web.Request) -> Action | None:
        for rule in self._rules:
            if rule.matches(request):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        self._rules.remove(rule)
                return rule.action
        return None

    async def _apply(self, action: Action | None, request: web.Request, handler: Handler) -> web.StreamResponse:
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
    """Abort the request's connection. The caller raises the returned error, so that aiohttp sends nothing."""
    if request.transport is not None:
        request.transport.abort()
    return ConnectionResetError("dropped by a fault rule")


async def send_half(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    """Send the headers of `whole` and half of its body, then drop the connection (raises)."""
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
