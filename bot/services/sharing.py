"""What creators may ask of the bot: share a result, take it back, find what others liked. Nothing of Discord."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from weakref import WeakValueDictionary

from bot.domain.errors import RequestRefused
from bot.domain.share import Share
from bot.domain.task import Task, TaskState
from bot.i18n.text import tr
from bot.media import Downloader, DownloadFailed, Ffmpeg, UnusableVideo, make_thumbnail
from bot.services.ownership import UNKNOWN_TASK, get_own_task
from bot.store import Store

log = logging.getLogger(__name__)

_GENERATIONS = 8
"""Most steps of a lineage that are read."""
_GALLERY = 300
"""Most posts that a gallery chooses from: the most starred so far, then the newest."""
_UNSETTLED = 20
_LEFT_BEHIND = 50
_GONE = tr("I no longer have that result.")


@dataclass(frozen=True, slots=True)
class LineagePart:
    """One part of a film's lineage, and the posts that share it."""

    task: Task
    shares: list[Share]


class SharingService:
    """The requests of creators, and of moderators for their showcase. Every refusal is a Refused."""

    def __init__(self, store: Store, ffmpeg: Ffmpeg, downloader: Downloader, now: Callable[[], datetime]) -> None:
        """`fetcher`: of films that are at Discord."""
        self._store = store
        self._shares = store.shares
        self._ffmpeg = ffmpeg
        self._downloader = downloader
        self._now = now
        self._places: WeakValueDictionary[tuple[int, int], asyncio.Lock] = WeakValueDictionary()

    def posting_lock(self, task_id: int, channel_id: int) -> asyncio.Lock:
        """Whoever posts, or takes back, a task's share in a channel holds this meanwhile."""
        return self._places.setdefault((task_id, channel_id), asyncio.Lock())

    async def own_result(self, task_id: int, user_id: int) -> Task:
        """The member's own finished task. Raises Refused."""
        not_own = tr("Only the member who started that task can share its result.")
        task = await get_own_task(self._store, task_id, user_id, unknown=_GONE, not_own=not_own)
        if task.deleted or task.deletion_requested:
            raise RequestRefused(_GONE)
        if task.state not in {
            TaskState.READY,
            TaskState.DELIVERED,
        }:  # its reply shows it a moment before the row says so
            raise RequestRefused(tr("That task has no finished video to share."))
        return task

    async def lineage(self, task: Task) -> list[LineagePart]:
        """The parts that led to this one, oldest first and itself included; the oldest may be left out."""
        steps = [LineagePart(task, await self._shares.of_task(task.id))]
        while (parent_id := steps[0].task.order.parent_id) is not None and len(steps) < _GENERATIONS:
            parent = await self._store.tasks.visible(parent_id)
            if parent is None:
                break
            steps.insert(0, LineagePart(parent, await self._shares.of_task(parent.id)))
        return steps

    async def posts_of_later_parts(self, task_ids: Collection[int]) -> list[tuple[Share, Task]]:
        """The posts whose lineage names one of those tasks as an earlier part, with their own tasks."""
        found: list[tuple[Share, Task]] = []
        known = list(task_ids)
        for _ in range(_GENERATIONS - 1):
            parts = await self._store.tasks.children(known)
            if not parts:
                break
            for part in parts:
                shares = [] if part.is_erased else await self._shares.of_task(part.id)
                found += [(share, part) for share in shares if share.message_id]
            known = [part.id for part in parts]
        return found

    async def reserve(self, task: Task, guild_id: int, channel_id: int, *, hidden: bool) -> tuple[Share, bool]:
        """Write down that this result is to be shared there, before it is posted.

        Returns the one share for that place and whether it is new. If it is not, and has no message, then it may have
        been posted all the same: look for it before posting (see :meth:`mark_retried`). Raises Refused.
        """
        intended = await self._shares.reserve(task, guild_id, channel_id, self._now(), hidden=hidden)
        if intended is None:
            raise RequestRefused(_GONE)
        return intended

    async def mark_retried(self, share: Share, *, hidden: bool) -> Share:
        """Write down that the share, which was looked for and not found, is posted now."""
        return await self._shares.update(share, attempted_at=self._now(), prompt_hidden=hidden)

    async def mark_posted(self, share: Share, posted_in: int, message_id: int) -> Share:
        """Write down where Discord took it."""
        log.info("task %d shared in channel %d as message %d", share.task_id, posted_in, message_id)
        return await self._shares.update(share, post_channel_id=posted_in, message_id=message_id, posted_at=self._now())

    async def delete(self, share: Share) -> None:
        """The share's post is gone."""
        await self._shares.remove(share.id)

    async def find(self, share_id: int) -> Share | None:
        """Anybody's share, if it is still one."""
        return await self._shares.get(share_id)

    async def get(self, share_id: int) -> Share:
        """Anybody's share. Raises Refused."""
        share = await self._shares.get(share_id)
        if share is None:
            raise RequestRefused(tr("That is no longer shared."))
        return share

    async def get_with_task(self, share_id: int) -> tuple[Share, Task]:
        """A share and its task. Raises Refused."""
        share = await self.get(share_id)
        task = await self._store.tasks.visible(share.task_id)
        if task is None or task.deleted:
            raise RequestRefused(UNKNOWN_TASK)
        return share, task

    async def of_task(self, task_id: int) -> list[Share]:
        """All shares of a task, oldest first."""
        return await self._shares.of_task(task_id)

    async def find_by_message(self, guild_id: int, message_id: int) -> tuple[Share, Task] | None:
        """The share whose post that message is, and its task, if there is one."""
        share = await self._shares.find_by_message(guild_id, message_id)
        task = await self._store.tasks.visible(share.task_id) if share else None
        return (share, task) if share and task and not task.deleted else None

    async def of_deleted_tasks(self) -> list[Share]:
        """Shares of deleted results, whose posts are still to be taken back; not always the same ones, if many."""
        return await self._shares.of_deleted_tasks(_LEFT_BEHIND)

    async def unconfirmed(self) -> list[Share]:
        """The newest shares of which nobody knows whether they were posted."""
        return await self._shares.unconfirmed(_UNSETTLED)

    async def showcase(self, guild_id: int) -> int | None:
        """The id of the server's showcase channel, if moderators have chosen one."""
        return await self._shares.showcase(guild_id)

    async def set_showcase(self, guild_id: int, channel_id: int | None) -> None:
        """Choose the server's showcase channel, or (None) have none."""
        await self._shares.set_showcase(guild_id, channel_id)

    async def gallery(self, guild_id: int, since: datetime) -> dict[int, list[Share]]:
        """The server's posts since then by task: the most starred, as last counted, first."""
        by_task: dict[int, list[Share]] = {}
        for share in await self._shares.posted(guild_id, since, _GALLERY):
            by_task.setdefault(share.task_id, []).append(share)
        return by_task

    async def save_stars(self, shares: Collection[Share], stars: int) -> None:
        """Write down how many members starred one result, whose posts these are."""
        await self._shares.update_all([share.id for share in shares], stars=stars, counted_at=self._now())

    @asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """A new folder, which is removed with all that is in it."""
        folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="extend-bot-")
        try:
            yield Path(folder.name)
        finally:
            await asyncio.to_thread(folder.cleanup)

    async def fetch(self, url: str, into: Path, seconds: float) -> bool:
        """Store what is at this address of Discord's; say whether that could be done."""
        try:
            async with asyncio.timeout(seconds):
                await self._downloader.fetch(url, into)
        except (UnusableVideo, DownloadFailed, TimeoutError) as error:
            log.info("a film could not be fetched from Discord: %s", type(error).__name__)
            return False
        return True

    async def make_thumbnail(self, film: Path, task: Task, into: Path) -> Path | None:
        """A small JPEG of the film's last second, as the file `into`; None if no picture can be had of it."""
        clip = task.film or task.result
        if clip is None:
            return None
        try:
            picture = await make_thumbnail(self._ffmpeg, film, clip)
        except UnusableVideo:
            return None
        await asyncio.to_thread(into.write_bytes, picture)
        return into
