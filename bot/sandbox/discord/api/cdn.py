"""The CDN: serves files under signed links, with range requests, and renews links."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.api.auth import require_bot_token
from bot.sandbox.discord.api.request_body import read_json
from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import json_response

_MAX_LINKS = 50


class RefreshRoutes:
    """Renews links. Undocumented, but used by Discord's client and some libraries."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """The route, for the API's application."""
        return [web.post("/attachments/refresh-urls", require_bot_token(self._world, self._refresh))]

    async def _refresh(self, request: web.Request) -> web.Response:
        errors = ValidationErrors()
        form = errors.check_object((), await read_json(request), ("attachment_urls",))
        urls = errors.check_list(("attachment_urls",), form.get("attachment_urls"), _MAX_LINKS, low=1)
        fresh = []
        for at, url in enumerate(urls):
            old = errors.check_text(("attachment_urls", at), url, 2048, low=1)
            fresh.append({"original": old, "refreshed": self._world.files.renew_link(old)})
            if fresh[-1]["refreshed"] is None:
                errors.add(("attachment_urls", at), "ATTACHMENT_URL_INVALID", "Not an attachment URL.")
        errors.raise_if_any()
        return json_response({"refreshed_urls": fresh})


class CdnRoutes:
    """Routes under /cdn/."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the server's application."""
        return [
            web.get("/cdn/{kind:attachments|ephemeral-attachments}/{folder}/{upload_id}/{filename}", self._serve_file),
        ]

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        upload = self._world.files.find_by_link(request.rel_url.raw_path, request.query)
        if upload is None:
            return web.Response(status=404, text="This content is no longer available.")
        headers = {
            "Content-Type": upload.content_type,
            "Content-Disposition": f'inline; filename="{upload.filename}"',
            # Uploaded files must never run as a page of this server.
            "Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
        }
        return web.FileResponse(upload.path, headers=headers)
