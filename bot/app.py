"""The composition root: builds all parts and connects them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.client import CannotStart, ExtendBot, Shards
from bot.domain.events import EventQueue
from bot.foxapi import FoxAPI, FoxError, Rejected
from bot.health.gauges import Gauges, Sources
from bot.health.metrics import Metrics
from bot.health.readiness import HealthMonitor
from bot.health.server import CannotBind, Handlers, run_server
from bot.media import Downloader, Ffmpeg, StorageError, Workspaces, open_film_store
from bot.services import Services
from bot.settings import Settings
from bot.store import Store
from bot.worker import CircuitBreaker, JobResources, RateLimiter, Timeouts, Wakeups, Worker

log = logging.getLogger(__name__)


_RESULT_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Role:
    """What this process does; by default everything."""

    name: str = "bot"
    runs_gateway: bool = True
    """Whether it connects to Discord's gateway and responds to interactions."""
    runs_jobs: bool = True
    """Whether it runs the worker, which prepares, submits, polls and delivers tasks."""
    shards: Shards | None = None
    """The shards that it serves; None: all."""

    @property
    def is_standalone(self) -> bool:
        """Whether it works without other processes."""
        return self.runs_gateway and self.runs_jobs


STANDALONE = Role()


WORKER = Role("worker", runs_gateway=False)


def make_gateway_role(shards: Shards) -> Role:
    """Return the role of a gateway that serves these shards and leaves tasks to workers."""
    return Role("gateway", runs_jobs=False, shards=shards)


def utc_now() -> datetime:
    """Return the current time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the bot, the services and the worker are built from."""

    settings: Settings
    timeouts: Timeouts
    now: Callable[[], datetime]
    metrics: Metrics
    wakeups: Wakeups
    events: EventQueue
    store: Store
    fox: FoxAPI
    clips: Downloader
    results: Downloader
    workspaces: Workspaces
    ffmpeg: Ffmpeg


@asynccontextmanager
async def build_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    chance: random.Random | None = None,
    timeouts: Timeouts | None = None,
    role: Role = STANDALONE,
) -> AsyncIterator[tuple[ExtendBot, Worker]]:
    """Build the bot and the worker, logged in but not running. Raises StoreUnusable and CannotStart.

    A process without a gateway uses Discord's REST API alone and does not register the commands.
    """
    async with assemble_app(settings, now=now, chance=chance, timeouts=timeouts, role=role) as (bot, worker):
        await bot.log_in(settings.discord_token.get_secret_value())
        yield bot, worker


@asynccontextmanager
async def assemble_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    chance: random.Random | None = None,
    timeouts: Timeouts | None = None,
    role: Role = STANDALONE,
) -> AsyncIterator[tuple[ExtendBot, Worker]]:
    """Like :func:`build_app`, but without having logged in to Discord."""
    chance = chance or random.Random()  # noqa: S311 (it jitters gaps)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(_open_parts(settings, timeouts or Timeouts(), now, role))
        bot = await stack.enter_async_context(_build_bot(parts, role))
        await bot.load_cogs()
        await stack.enter_async_context(_health_server(parts, bot, role))
        yield bot, Worker(_build_job_resources(parts, bot, chance), parts.wakeups)


@asynccontextmanager
async def _open_parts(
    settings: Settings, timeouts: Timeouts, now: Callable[[], datetime], role: Role
) -> AsyncIterator[_Parts]:
    metrics = Metrics()
    wakeups = Wakeups(has_worker=role.runs_jobs)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.open(settings.database_url, settings.lease_seconds))
        if store.is_single_process and not role.is_standalone:
            raise CannotStart(
                f"A {role.name} shares its work with other processes over PostgreSQL: set DATABASE_URL to it, or run "
                "python -m bot, which does everything."
            )
        wakeups.broadcast = await stack.enter_async_context(store.open_notifications(wakeups.notify_local))
        fox = await stack.enter_async_context(_build_foxapi(settings, timeouts, metrics))
        clips, results = [
            await stack.enter_async_context(downloader) for downloader in _build_downloaders(settings, timeouts)
        ]
        await _check_key(fox)
        yield _Parts(
            settings,
            timeouts,
            now,
            metrics,
            wakeups,
            EventQueue(listener=metrics.on_event),
            store,
            fox,
            clips,
            results,
            _open_workspaces(settings),
            Ffmpeg(on_run=metrics.observe_ffmpeg),
        )


def _build_bot(parts: _Parts, role: Role) -> ExtendBot:
    settings = parts.settings
    services = Services.build(
        parts.store,
        parts.workspaces,
        parts.ffmpeg,
        parts.results,
        now=parts.now,
        wake_worker=parts.wakeups.notify,
        defaults=settings.default_limits,
        operator_limits=settings.operator_limits,
        events=parts.events,
    )
    return ExtendBot(
        services,
        parts.store,
        api_url=settings.discord_api_url,
        edit_seconds=settings.edit_seconds,
        now=parts.now,
        trace=parts.metrics.trace_discord(),
        gateway=role.runs_gateway,
        shards=role.shards,
    )


def _build_job_resources(parts: _Parts, bot: ExtendBot, chance: random.Random) -> JobResources:
    settings, store, timeouts = parts.settings, parts.store, parts.timeouts
    return JobResources(
        store=store,
        fox=parts.fox,
        clips=parts.clips,
        results=parts.results,
        ffmpeg=parts.ffmpeg,
        reply_port=bot.reply_port,
        workspaces=parts.workspaces,
        poll_seconds=settings.poll_seconds,
        operator_limits=settings.operator_limits,
        server_running=settings.default_server_running,
        grace=timedelta(days=settings.left_server_days),
        events=parts.events,
        now=parts.now,
        random=chance,
        circuit_breaker=CircuitBreaker(
            store.circuit_state,
            parts.wakeups.notify,
            chance,
            timeouts.first_gap,
            probe_seconds=timeouts.poll_response,
        ),
        rate_limiter=RateLimiter(settings.queries_per_second, lambda: store.leases.query_share),
        timeouts=timeouts,
        keep=timedelta(days=settings.keep_days),
        keep_rows=timedelta(days=settings.keep_task_days),
        unexpected_error=parts.metrics.count_unexpected_error,
    )


def _open_workspaces(settings: Settings) -> Workspaces:
    """Open the file storage; raises CannotStart."""
    try:
        film_store = open_film_store(settings.data_dir / "kept", settings.bucket)
    except StorageError as error:
        raise CannotStart(str(error)) from error
    return Workspaces(
        settings.data_dir / "tasks",
        max_bytes=settings.max_disk_gb * 1_000_000_000,
        clip_bytes=settings.max_clip_mb * 1_000_000,
        film_store=film_store,
    )


def _build_foxapi(settings: Settings, timeouts: Timeouts, metrics: Metrics) -> FoxAPI:
    return FoxAPI(
        settings.foxapi_url,
        settings.foxapi_key,
        settings.foxapi_model,
        timeouts.submit_response,
        query_seconds=timeouts.poll_response,
        upload_seconds=timeouts.upload,
        secrets=settings.secrets,
        trace=metrics.trace_foxapi(),
    )


def _build_downloaders(settings: Settings, timeouts: Timeouts) -> list[Downloader]:
    """Build the downloaders for members' clips and for results; each has its own DNS resolver."""
    trusted, idle = settings.trusted_media_hosts, timeouts.download_idle
    most = settings.max_clip_mb * 1_000_000
    return [
        Downloader(
            trusted=trusted, idle_seconds=idle, max_bytes=most, seconds=timeouts.clip_download, follow_pages=True
        ),
        Downloader(trusted=trusted, idle_seconds=idle, max_bytes=_RESULT_BYTES, seconds=timeouts.download),
    ]


@asynccontextmanager
async def _health_server(parts: _Parts, bot: ExtendBot, role: Role) -> AsyncIterator[None]:
    """Run the health server while the context is open, if HTTP_PORT is set. Raises CannotStart."""
    settings, metrics = parts.settings, parts.metrics
    if settings.http_port is None:
        yield
        return
    metrics.set_process_info(role.name)
    sources = Sources(parts.store, parts.workspaces, parts.ffmpeg, settings.data_dir, parts.now, bot.list_open_shards)
    checks = HealthMonitor(bot.is_connected if role.runs_gateway else None, parts.store, metrics.observe_loop_delay)
    pages = Handlers(checks, Gauges(metrics.registry, sources, checks), metrics.registry)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(run_server(settings.http_host, settings.http_port, pages, checks))
        except CannotBind as error:
            raise CannotStart(str(error)) from error
        yield


async def run_app(bot: ExtendBot, runner: Worker, stop: asyncio.Event, role: Role = STANDALONE) -> None:
    """Run until `stop` is set; raises the error that ends the gateway or the worker before that."""
    async with asyncio.TaskGroup() as group:
        working = []
        if role.runs_jobs:
            working.append(group.create_task(runner.run(), name="runner"))
        if role.runs_gateway:
            working.append(group.create_task(bot.run_gateway(), name="gateway"))
        await stop.wait()
        log.info("stopping")
        for task in working:
            task.cancel()


async def _check_key(fox: FoxAPI) -> None:
    try:
        await fox.list_models()
    except Rejected as error:
        if error.status == 401:
            raise CannotStart("FoxAPI does not accept FOXAPI_KEY: correct it.") from error
        log.info("FoxAPI does not list its models (%s)", error)
    except FoxError as error:
        log.warning("FoxAPI cannot be reached (%s); starting anyway", error)
