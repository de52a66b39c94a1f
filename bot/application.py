"""The composition root: the one place that joins all rooms."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from bot.client import CannotStart, ExtendBot
from bot.foxapi import FoxAPI, FoxError, Rejected
from bot.health.checks import Checks
from bot.health.gauges import Gauges, Sources
from bot.health.metrics import Metrics
from bot.health.server import CannotServe, Pages, served
from bot.library import Library
from bot.media import BucketUnusable, Fetcher, Ffmpeg, Folders, shelf_at
from bot.news import News
from bot.role import EVERYTHING, Role
from bot.runner import Bell, Pace, Patience, Pause, Runner, Tools
from bot.service import Service
from bot.settings import Settings
from bot.sharing import Sharing
from bot.store import Store

log = logging.getLogger(__name__)


_RESULT_BYTES = 1_000_000_000


def utc_now() -> datetime:
    """The time now, aware."""
    return datetime.now(UTC)


@asynccontextmanager
async def assembled(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    chance: random.Random | None = None,
    patience: Patience | None = None,
    role: Role = EVERYTHING,
) -> AsyncIterator[tuple[ExtendBot, Runner]]:
    """Build everything, logged in but not yet at work. Raises StoreUnusable, CannotStart.

    Who does not answer edits and posts over REST alone, and leaves the commands' registration to those who do.
    """
    patience = patience or Patience()
    chance = chance or random.Random()  # noqa: S311 (it jitters gaps)
    metrics = Metrics()
    bell, news = Bell(waited_for=role.works), News(listener=metrics.heard)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.open(settings.database_url, settings.lease_seconds))
        if store.alone and not role.alone:
            raise CannotStart(
                f"A {role.name} shares its work with other processes, over PostgreSQL: set DATABASE_URL to it, or run "
                "python -m bot, which does everything."
            )
        bell.carry = await stack.enter_async_context(store.signals(bell.hear))
        fox = await stack.enter_async_context(_foxapi(settings, patience, metrics))
        clips, results = [await stack.enter_async_context(fetcher) for fetcher in _fetchers(settings, patience)]
        await _check_key(fox)
        service = Service(store, now, bell.ring, settings.default_limits, settings.roofs, news)
        folders = _folders(settings)
        library = Library(store, folders)
        ffmpeg = Ffmpeg(ran=metrics.ffmpeg_ran)
        url, gap, trace = settings.discord_api_url, settings.edit_seconds, metrics.discord()
        sharing = Sharing(store, ffmpeg, now)
        bot = ExtendBot(
            service,
            library,
            sharing,
            api_url=url,
            edit_seconds=gap,
            now=now,
            trace=trace,
            sure=lambda: store.leases.sure,
            gateway=role.answers,
            shards=role.shards,
            take_turn=store.paces.turn,
        )
        await stack.enter_async_context(bot)
        await bot.load_cogs()
        sources = Sources(store, folders, ffmpeg, settings.data_dir, now, bot.shards_open)
        await stack.enter_async_context(_watched(settings, metrics, sources, bot, role))
        await bot.log_in(settings.discord_token.get_secret_value())
        tools = Tools(
            store=store,
            fox=fox,
            clips=clips,
            results=results,
            ffmpeg=ffmpeg,
            screen=bot.screen,
            folders=folders,
            poll_seconds=settings.poll_seconds,
            roofs=settings.roofs,
            server_running=settings.default_server_running,
            grace=timedelta(days=settings.left_server_days),
            news=news,
            now=now,
            random=chance,
            pause=Pause(store.pauses, bell.ring, chance, patience.first_gap),
            pace=Pace(settings.queries_per_second, lambda: store.leases.company),
            patience=patience,
            keep=timedelta(days=settings.keep_days),
            keep_rows=timedelta(days=settings.keep_task_days),
        )
        yield bot, Runner(tools, bell)


def _folders(settings: Settings) -> Folders:
    """Where files are; raises CannotStart."""
    try:
        shelf = shelf_at(settings.data_dir / "kept", settings.bucket)
    except BucketUnusable as error:
        raise CannotStart(str(error)) from error
    return Folders(settings.data_dir / "tasks", most_bytes=settings.max_disk_gb * 1_000_000_000, shelf=shelf)


def _foxapi(settings: Settings, patience: Patience, metrics: Metrics) -> FoxAPI:
    return FoxAPI(
        settings.foxapi_url,
        settings.foxapi_key,
        settings.foxapi_model,
        patience.answer,
        query_seconds=patience.query,
        upload_seconds=patience.upload,
        trace=metrics.foxapi(),
    )


def _fetchers(settings: Settings, patience: Patience) -> list[Fetcher]:
    """The one that fetches what members give, and the one that fetches results. Each looks up names for itself."""
    trusted, idle = settings.trusted_media_hosts, patience.silence
    most = settings.max_clip_mb * 1_000_000
    return [
        Fetcher(trusted=trusted, idle_seconds=idle, max_bytes=most, seconds=patience.fetch),
        Fetcher(trusted=trusted, idle_seconds=idle, max_bytes=_RESULT_BYTES, seconds=patience.download),
    ]


@asynccontextmanager
async def _watched(
    settings: Settings, metrics: Metrics, sources: Sources, bot: ExtendBot, role: Role
) -> AsyncIterator[None]:
    """Serve health and figures meanwhile, if that is wanted. Raises CannotStart."""
    if settings.http_port is None:
        yield
        return
    metrics.name_process(role.name)
    checks = Checks(bot.connected if role.answers else None, sources.store, metrics.loop_was_late)
    pages = Pages(checks, Gauges(metrics.registry, sources, checks), metrics.registry)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(served(settings.http_host, settings.http_port, pages, checks))
        except CannotServe as error:
            raise CannotStart(str(error)) from error
        yield


async def serve(bot: ExtendBot, runner: Runner, stop: asyncio.Event, role: Role = EVERYTHING) -> None:
    """Work until `stop` is set; raises what ended the connection or the runner before that."""
    async with asyncio.TaskGroup() as group:
        working = []
        if role.works:
            working.append(group.create_task(runner.run(), name="runner"))
        if role.answers:
            working.append(group.create_task(bot.stay_connected(), name="gateway"))
        await stop.wait()
        log.info("stopping")
        for task in working:
            task.cancel()


async def _check_key(fox: FoxAPI) -> None:
    try:
        await fox.models()
    except Rejected as error:
        if error.status == 401:
            raise CannotStart("FoxAPI does not accept FOXAPI_KEY: put in the right key.") from error
        log.info("FoxAPI does not tell its models (%s)", error)
    except FoxError as error:
        log.warning("FoxAPI cannot be reached now (%s); starting all the same", error)
