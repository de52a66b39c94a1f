"""The CDN: files under signed links, whole or in ranges."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.world import World


class CdnRoutes:
    """What /cdn/ serves."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the server's application."""
        return [
            web.get("/cdn/{kind:attachments|ephemeral-attachments}/{folder}/{upload_id}/{filename}", self._file),
        ]

    async def _file(self, request: web.Request) -> web.StreamResponse:
        upload = self._world.files.opened(request.rel_url.raw_path, request.query)
        if upload is None:
            return web.Response(status=404, text="This content is no longer available.")
        headers = {
            "Content-Type": upload.content_type,
            "Content-Disposition": f'inline; filename="{upload.filename}"',
            # What members upload must never run as a page of the stand-in.
            "Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
        }
        return web.FileResponse(upload.path, headers=headers)
