"""Discord's error responses (status, code, message, nested form errors) and JSON responses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.discord.state.model import Json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DiscordError(Exception):
    """An error response of Discord's API (Discord docs, Opcodes and Status Codes, JSON Error Codes)."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.body: Json = {"message": message, "code": code}
        if errors:
            self.body["errors"] = errors


def unauthorized() -> DiscordError:
    """The bot's token is missing or wrong."""
    return DiscordError(401, 0, "401: Unauthorized")


def unknown(what: str) -> DiscordError:
    """Discord's 404 for a `what` that does not exist or is hidden from the caller."""
    codes = {"Channel": 10003, "Guild": 10004, "Member": 10007, "Message": 10008, "User": 10013}
    codes |= {"Emoji": 10014, "Webhook": 10015, "Interaction": 10062, "Application Command": 10063}
    return DiscordError(404, codes[what], {"Interaction": "Unknown interaction"}.get(what, f"Unknown {what}"))


def missing_access() -> DiscordError:
    """The bot cannot see the channel or server at all."""
    return DiscordError(403, 50001, "Missing Access")


def missing_permissions() -> DiscordError:
    """The bot sees the channel but lacks a permission."""
    return DiscordError(403, 50013, "Missing Permissions")


def too_large() -> DiscordError:
    """A file exceeds the upload limit."""
    return DiscordError(413, 40005, "Request entity too large")


def json_response(data: object, status: int = 200) -> web.Response:
    """A JSON response. Discord's content type has no charset, and discord.py compares it exactly."""
    return web.Response(body=json.dumps(data).encode(), status=status, content_type="application/json")


def no_content() -> web.Response:
    """An empty 204 response."""
    return web.Response(status=204)


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Convert DiscordError and unknown routes of the REST API to Discord's error bodies."""
    try:
        return await handler(request)
    except DiscordError as error:
        return json_response(error.body, error.status)
    except web.HTTPException as error:
        if not request.path.startswith("/api/"):
            raise
        return json_response({"message": f"{error.status}: {error.reason}", "code": 0}, error.status)
