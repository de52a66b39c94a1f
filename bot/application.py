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
from bot.library import Library
from bot.media import Fetcher, Ffmpeg, Folders
from bot.news import News
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
) -> AsyncIterator[tuple[ExtendBot, Runner]]:
    """Build everything, logged in but not yet at work. Raises StoreUnusable, CannotStart."""
    patience = patience or Patience()
    chance = chance or random.Random()  # noqa: S311 (it jitters gaps)
    bell, news = Bell(), News()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.open(settings.database_url))
        foxapi = FoxAPI(
            settings.foxapi_url,
            settings.foxapi_key,
            settings.foxapi_model,
            patience.answer,
            query_seconds=patience.query,
            upload_seconds=patience.upload,
        )
        fox = await stack.enter_async_context(foxapi)
        clips, results = [
            await stack.enter_async_context(
                Fetcher(trusted=settings.trusted_media_hosts, idle_seconds=patience.silence, max_bytes=most)
            )
            for most in (settings.max_clip_mb * 1_000_000, _RESULT_BYTES)
        ]
        await _check_key(fox)
        service = Service(store, now, bell.ring, settings.default_limits, settings.roofs, news)
        folders = Folders(settings.data_dir / "tasks", most_bytes=settings.max_disk_gb * 1_000_000_000)
        library = Library(store, folders)
        ffmpeg = Ffmpeg()
        sharing = Sharing(store, ffmpeg, now)
        bot = ExtendBot(
            service, library, sharing, api_url=settings.discord_api_url, edit_seconds=settings.edit_seconds, now=now
        )
        await stack.enter_async_context(bot)
        await bot.load_cogs()
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
            pause=Pause(chance, patience.first_gap),
            pace=Pace(settings.queries_per_second),
            patience=patience,
            keep=timedelta(days=settings.keep_days),
            keep_rows=timedelta(days=settings.keep_task_days),
        )
        yield bot, Runner(tools, bell)


async def serve(bot: ExtendBot, runner: Runner, stop: asyncio.Event) -> None:
    """Work until `stop` is set; raises what ended the connection or the runner before that."""
    async with asyncio.TaskGroup() as group:
        working = [group.create_task(runner.run(), name="runner"), group.create_task(bot.connect(), name="gateway")]
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
