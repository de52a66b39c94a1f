"""The Discord fake as one HTTP server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from aiohttp import web

from bot.sandbox.clock import Clock
from bot.sandbox.discord.api.application_commands import ApplicationRoutes
from bot.sandbox.discord.api.cdn import CdnRoutes, RefreshRoutes
from bot.sandbox.discord.api.guilds import GuildRoutes
from bot.sandbox.discord.api.interaction_callbacks import CallbackRoutes
from bot.sandbox.discord.api.interaction_webhooks import WebhookRoutes
from bot.sandbox.discord.api.messages import MessageRoutes
from bot.sandbox.discord.api.threads import ThreadRoutes
from bot.sandbox.discord.gateway import Gateway
from bot.sandbox.discord.page_api.actions import ActionRoutes
from bot.sandbox.discord.page_api.content import ContentRoutes
from bot.sandbox.discord.page_api.live import LiveRoutes
from bot.sandbox.discord.state.errors import error_middleware
from bot.sandbox.discord.state.interactions import Interactions
from bot.sandbox.discord.state.seed import build_film_club
from bot.sandbox.faults import Call, Faults

API = "/api/v10"
PAGE = Path(__file__).resolve().parent.parent / "page"


class DiscordServer:
    """REST, gateway, CDN and page on one port; an async context manager.

    Port 0 takes a free port; `url` and `api_url` are known once it runs. Routes can be added to `app` before that.
    `watch` is called with every answered call.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        watch: Callable[[Call], None] | None = None,
        page: Path = PAGE,
    ) -> None:
        self.clock = clock or Clock()
        self.world = build_film_club(self.clock)
        self.faults = Faults(self.clock.now, watch)
        self.gateway = Gateway(self.world)
        self.interactions = Interactions(self.world)
        self._live = LiveRoutes(self.world)
        self._host, self._port = host, port
        self.app = web.Application(
            middlewares=[self.faults.middleware, self.world.ratelimits.middleware, error_middleware],
            client_max_size=4 << 20,
        )
        self._runner: web.AppRunner | None = None
        self._add_routes(page)

    @property
    def url(self) -> str:
        """The page's URL, without a trailing slash."""
        return self.world.files.base

    @property
    def api_url(self) -> str:
        """The bot's DISCORD_API_URL."""
        return self.url + API

    def _add_routes(self, page: Path) -> None:
        world, app = self.world, self.app
        callbacks = CallbackRoutes(world, self.interactions)
        rest = [
            *GuildRoutes(world).routes(),
            *ApplicationRoutes(world).routes(),
            *MessageRoutes(world).routes(),
            *ThreadRoutes(world).routes(),
            *callbacks.routes(),
            *RefreshRoutes(world).routes(),
            *WebhookRoutes(world, self.interactions, callbacks).routes(),
        ]
        app.add_routes([web.route(each.method, API + each.path, each.handler) for each in rest])
        app.add_routes(CdnRoutes(world).routes())
        app.add_routes(ContentRoutes(world).routes())
        app.add_routes(ActionRoutes(world, self.interactions).routes())
        app.add_routes(self._live.routes())
        for path in ("/gateway", "/gateway/"):
            app.router.add_get(path, self.gateway.handle)
        if page.is_dir():

            async def serve_index(_: web.Request) -> web.FileResponse:
                return web.FileResponse(page / "index.html", headers={"Cache-Control": "no-cache"})

            app.router.add_get("/", serve_index)
            app.router.add_static("/static/", page)

    async def __aenter__(self) -> DiscordServer:
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.world.files.base = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.interactions.close()
        await self.gateway.drop(1001)
        await self._live.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self.world.close()
