"""Discord's rate limits: a bucket per route and channel, announced in headers, and a global one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from bot.sandbox.clock import Clock
from bot.sandbox.discord.state.errors import DiscordError, json_response

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` per `seconds`, counted per matching route and per major parameter."""

    method: str
    path: re.Pattern[str]
    calls: int
    seconds: float


@dataclass(slots=True)
class _Window:
    ends: float
    left: int


def _make_limit(method: str, path: str, calls: int, seconds: float) -> Limit:
    return Limit(method, re.compile(f"^/api/v10{path}$"), calls, seconds)


def build_default_limits() -> list[Limit]:
    """Discord does not publish its limits; these are what bots observe. The group is the major parameter."""
    return [
        _make_limit("POST", r"/channels/(\d+)/messages", 5, 5),
        _make_limit("PATCH", r"/channels/(\d+)/messages/\d+", 5, 5),
        _make_limit("DELETE", r"/channels/(\d+)/messages/\d+", 5, 1),
        _make_limit("(?:PUT|DELETE)", r"/channels/(\d+)/messages/\d+/reactions/.*", 1, 0.25),
        _make_limit(".*", r"/webhooks/\d+/([^/]+)(?:/messages/[^/]+)?", 5, 2),
        _make_limit("POST", r"/users/@me/channels()", 10, 10),
        _make_limit(".*", r"/(?:channels|guilds|applications)/(\d+)(?:/.*)?", 50, 1),
    ]


VIA = "1.1 google"
"""discord.py treats a 429 without this header as a ban of its IP address."""
OLD_EDITS = (3, 10.0)
"""Edits of old messages per channel, and the window in seconds; Discord only documents that a limit exists."""


@dataclass
class RateLimits:
    """The active limits; `enabled` False turns them off, and tests may change `limits`."""

    clock: Clock
    enabled: bool = True
    limits: list[Limit] = field(default_factory=build_default_limits)
    overall: int = 50
    _windows: dict[str, _Window] = field(default_factory=dict)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the call and handle it, or respond with 429; the headers describe its bucket."""
        # Interaction callbacks are not rate-limited (Discord docs, Rate Limits).
        if not self.enabled or not request.path.startswith("/api/") or request.path.endswith("/callback"):
            return await handler(request)
        if not request.path.startswith("/api/v10/webhooks/"):
            window = self._get_window("global", self.overall, 1.0)
            if window.left <= 0:
                return self._refuse(window, {}, everywhere=True)
            window.left -= 1
        limit, major = self._find_limit(request)
        if limit is None:
            return await handler(request)
        bucket = hashlib.md5(f"{limit.method} {limit.path.pattern}".encode(), usedforsecurity=False).hexdigest()
        window = self._get_window(f"{bucket}:{major}", limit.calls, limit.seconds)
        if window.left <= 0:
            return self._refuse(window, self._build_headers(limit, window, bucket))
        window.left -= 1
        headers = self._build_headers(limit, window, bucket)
        response = await handler(request)
        response.headers.update(headers)
        if response.status == 429:
            response.headers["Via"] = VIA
        return response

    def count_old_edit(self, channel_id: str) -> None:
        """Count an edit of a message over an hour old; raises 429/30046 (Discord docs, JSON Error Codes)."""
        window = self._get_window(f"old:{channel_id}", *OLD_EDITS)
        if self.enabled and window.left <= 0:
            sentence = "Maximum number of edits to messages older than 1 hour reached. Try again later"
            error = DiscordError(429, 30046, sentence)
            error.body |= {"retry_after": round(max(0.001, window.ends - self.clock.now()), 3), "global": False}
            raise error
        window.left -= 1

    def _find_limit(self, request: web.Request) -> tuple[Limit | None, str]:
        for limit in self.limits:
            found = limit.path.match(request.path)
            if found and re.fullmatch(limit.method, request.method):
                return limit, found[1]
        return None, ""

    def _get_window(self, key: str, calls: int, seconds: float) -> _Window:
        now = self.clock.now()
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = _Window(now + seconds, calls)
        return window

    def _build_headers(self, limit: Limit, window: _Window, bucket: str) -> dict[str, str]:
        after = max(0.0, window.ends - self.clock.now())
        return {
            "X-RateLimit-Limit": str(limit.calls),
            "X-RateLimit-Remaining": str(window.left),
            "X-RateLimit-Reset": f"{window.ends:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": bucket,
        }

    def _refuse(self, window: _Window, headers: dict[str, str], everywhere: bool = False) -> web.Response:
        after = round(max(0.001, window.ends - self.clock.now()), 3)
        body = {"message": "You are being rate limited.", "retry_after": after, "global": everywhere}
        response = json_response(body, 429)
        response.headers.update(headers)
        response.headers["Retry-After"] = f"{after:g}"
        response.headers["X-RateLimit-Scope"] = "global" if everywhere else "user"
        response.headers["Via"] = VIA
        if everywhere:
            response.headers["X-RateLimit-Global"] = "true"
        return response
