"""The page of /healthz and /metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bot.domain.errors import ExtendBotError
from bot.health.gauges import Gauges
from bot.health.readiness import HealthMonitor

log = logging.getLogger(__name__)


class CannotBind(ExtendBotError):
    """The address cannot be bound. The text is one sentence for the operator."""


class Handlers:
    """The HTTP handlers."""

    def __init__(self, checks: HealthMonitor, gauges: Gauges, registry: CollectorRegistry) -> None:
        self._checks = checks
        self._gauges = gauges
        self._registry = registry

    async def handle_ready(self, _: web.Request) -> web.Response:
        """Respond with 200 if the bot is ready, else 503, and the parts as JSON."""
        status = await self._checks.check()
        said = {"live": status.live, "ready": status.ready, **status.parts}
        return web.json_response(said, status=200 if status.ready else 503)

    async def handle_live(self, _: web.Request) -> web.Response:
        """Respond with 200 while the event loop is responsive. A restart cannot fix Discord or the disk."""
        live = self._checks.is_live()
        return web.json_response({"live": live}, status=200 if live else 503)

    async def handle_metrics(self, request: web.Request) -> web.Response:
        """Respond with the metrics, in the requested format."""
        await self._gauges.read()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


@asynccontextmanager
async def run_server(host: str, port: int, pages: Handlers, checks: HealthMonitor) -> AsyncIterator[None]:
    """Serve while the context is open (port 0: any free port, which is logged). Raises CannotBind."""
    app = web.Application()
    for path, handler in (
        ("/healthz", pages.handle_ready),
        ("/healthz/ready", pages.handle_ready),
        ("/healthz/live", pages.handle_live),
        ("/metrics", pages.handle_metrics),
    ):
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    measuring = asyncio.create_task(checks.run(), name="health")
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise CannotBind(
                f"Health and metrics cannot be served at HTTP_HOST {host}, HTTP_PORT {port} ({error.strerror}): "
                "choose another port, or leave HTTP_PORT empty."
            ) from error
        log.info("health and metrics at http://%s:%d", *runner.addresses[0][:2])
        yield
    finally:
        await runner.cleanup()
        measuring.cancel()
        with suppress(asyncio.CancelledError):
            await measuring
