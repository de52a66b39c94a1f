"""How Discord says no: status, code, sentence and nested form errors; and how it says yes in JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.discord.state.model import Json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DiscordError(Exception):
    """An error answer of Discord's API (Discord docs, Opcodes and Status Codes, JSON Error Codes)."""

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
    """Discord's 404 for a `what` that is not there, or that this caller may not know of."""
    codes = {"Channel": 10003, "Guild": 10004, "Member": 10007, "Message": 10008, "User": 10013}
    codes |= {"Emoji": 10014, "Webhook": 10015, "Interaction": 10062, "Application Command": 10063}
    return DiscordError(404, codes[what], {"Interaction": "Unknown interaction"}.get(what, f"Unknown {what}"))


def missing_access() -> DiscordError:
    """The bot cannot see the channel or server at all."""
    return DiscordError(403, 50001, "Missing Access")


def missing_permissions() -> DiscordError:
    """The bot sees the channel and may not do this there."""
    return DiscordError(403, 50013, "Missing Permissions")


def too_large() -> DiscordError:
    """A file is over the limit of the place it is sent to."""
    return DiscordError(413, 40005, "Request entity too large")


def json_response(data: object, status: int = 200) -> web.Response:
    """`data` as JSON. Discord's content type has no charset, and discord.py compares it exactly."""
    return web.Response(body=json.dumps(data).encode(), status=status, content_type="application/json")


def no_content() -> web.Response:
    """Done, without words."""
    return web.Response(status=204)


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals and unknown routes of the REST API into Discord's error bodies."""
    try:
        return await handler(request)
    except DiscordError as no:
        return json_response(no.body, no.status)
    except web.HTTPException as no:
        if not request.path.startswith("/api/"):
            raise
        return json_response({"message": f"{no.status}: {no.reason}", "code": 0}, no.status)
