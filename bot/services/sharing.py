"""Shares of results: create, find and remove them, and count their stars. Nothing of Discord."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from weakref import WeakValueDictionary

from bot.domain.errors import RequestRefused
from bot.domain.events import EventQueue, ShareChanged, ShowcaseChanged
from bot.domain.share import Share
from bot.domain.task import Task, TaskState
from bot.i18n.text import tr
from bot.media import Downloader, DownloadFailed, Ffmpeg, UnusableVideo, Workspaces, compress, make_thumbnail
from bot.services.ownership import UNKNOWN_TASK, Actor, get_own_task
from bot.store import Store

log = logging.getLogger(__name__)

_GENERATIONS = 8
"""The maximum number of parts read of a lineage."""
_GALLERY = 300
"""The maximum number of posts that a gallery chooses from: the most starred, then the newest."""
_UNCONFIRMED = 20
_DELETED_TASKS = 50
_GONE = tr("I no longer have that result.")


@dataclass(frozen=True, slots=True)
class LineagePart:
    """One part of a video's lineage, and its shares."""

    task: Task
    shares: list[Share]


class SharingService:
    """What creators can do with their results, and moderators with the showcase. Every refusal is a RequestRefused."""

    def __init__(
        self,
        store: Store,
        workspaces: Workspaces,
        ffmpeg: Ffmpeg,
        downloader: Downloader,
        now: Callable[[], datetime],
        events: EventQueue,
    ) -> None:
        """`downloader`: fetches videos that are stored at Discord."""
        self._store = store
        self._events = events
        self._shares = store.shares
        self._workspaces = workspaces
        self._ffmpeg = ffmpeg
        self._downloader = downloader
        self._now = now
        self._posting_locks: WeakValueDictionary[tuple[int, int], asyncio.Lock] = WeakValueDictionary()

    def get_posting_lock(self, task_id: int, channel_id: int) -> asyncio.Lock:
        """Return the lock to hold while posting or deleting a task's share in a channel."""
        return self._posting_locks.setdefault((task_id, channel_id), asyncio.Lock())

    async def get_own_result(self, task_id: int, user_id: int) -> Task:
        """Return the member's own finished task. Raises RequestRefused."""
        not_own = tr("Only the member who started that task can share its result.")
        task = await get_own_task(self._store, task_id, user_id, unknown=_GONE, not_own=not_own)
        if task.deleted or task.deletion_requested:
            raise RequestRefused(_GONE)
        if task.state not in {
            TaskState.READY,
            TaskState.DELIVERED,
        }:  # the reply shows the result a moment before the row is updated
            raise RequestRefused(tr("That task has no finished video to share."))
        return task

    async def get_lineage(self, task: Task) -> list[LineagePart]:
        """Return the parts that led to this one, oldest first, itself included; the oldest may be missing."""
        steps = [LineagePart(task, await self._shares.list_for_task(task.id))]
        while (parent_id := steps[0].task.order.parent_id) is not None and len(steps) < _GENERATIONS:
            parent = await self._store.tasks.get_visible(parent_id)
            if parent is None:
                break
            steps.insert(0, LineagePart(parent, await self._shares.list_for_task(parent.id)))
        return steps

    async def list_posts_of_later_parts(self, task_ids: Collection[int]) -> list[tuple[Share, Task]]:
        """Return the posted shares whose lineage names one of those tasks as an earlier part, with their own tasks."""
        found: list[tuple[Share, Task]] = []
        known = list(task_ids)
        for _ in range(_GENERATIONS - 1):
            parts = await self._store.tasks.list_children(known)
            if not parts:
                break
            for part in parts:
                shares = [] if part.is_erased else await self._shares.list_for_task(part.id)
                found += [(share, part) for share in shares if share.message_id]
            known = [part.id for part in parts]
        return found

    async def reserve(self, task: Task, guild_id: int, channel_id: int, *, hidden: bool) -> tuple[Share, bool]:
        """Record the share before it is posted.

        Returns the only share of that task in that channel, and whether it is new. A share that is not new and has no
        message may have been posted: look for its post before posting (see :meth:`mark_retried`). Raises
        RequestRefused.
        """
        intended = await self._shares.reserve(task, guild_id, channel_id, self._now(), hidden=hidden)
        if intended is None:
            raise RequestRefused(_GONE)
        return intended

    async def mark_retried(self, share: Share, *, hidden: bool) -> Share:
        """Record another attempt to post a share whose post was not found."""
        return await self._shares.update(share, attempted_at=self._now(), prompt_hidden=hidden)

    async def mark_posted(self, share: Share, posted_in: int, message_id: int) -> Share:
        """Record the message that Discord accepted."""
        log.info("task %d shared in channel %d as message %d", share.task_id, posted_in, message_id)
        share = await self._shares.update(
            share, post_channel_id=posted_in, message_id=message_id, posted_at=self._now()
        )
        self._events.publish(ShareChanged(share, share.user_id, posted=True))
        return share

    async def delete(self, share: Share) -> None:
        """Delete a share whose post is gone."""
        await self._shares.remove(share.id)

    async def find(self, share_id: int) -> Share | None:
        """Return any member's share, or None."""
        return await self._shares.get(share_id)

    async def get(self, share_id: int) -> Share:
        """Return any member's share. Raises RequestRefused."""
        share = await self._shares.get(share_id)
        if share is None:
            raise RequestRefused(tr("That is no longer shared."))
        return share

    async def get_with_task(self, share_id: int) -> tuple[Share, Task]:
        """Return a share and its task. Raises RequestRefused."""
        share = await self.get(share_id)
        task = await self._store.tasks.get_visible(share.task_id)
        if task is None or task.deleted:
            raise RequestRefused(UNKNOWN_TASK)
        return share, task

    async def list_for_task(self, task_id: int) -> list[Share]:
        """Return all shares of a task, oldest first."""
        return await self._shares.list_for_task(task_id)

    async def find_by_message(self, guild_id: int, message_id: int) -> tuple[Share, Task] | None:
        """Return the share that was posted as this message and its task, or None."""
        share = await self._shares.find_by_message(guild_id, message_id)
        task = await self._store.tasks.get_visible(share.task_id) if share else None
        return (share, task) if share and task and not task.deleted else None

    async def list_of_deleted_tasks(self) -> list[Share]:
        """Return shares of deleted results whose posts must still be deleted; of many, a varying selection."""
        return await self._shares.list_of_deleted_tasks(_DELETED_TASKS)

    async def list_unconfirmed(self) -> list[Share]:
        """Return the newest shares of which it is unknown whether they were posted."""
        return await self._shares.list_unconfirmed(_UNCONFIRMED)

    async def get_showcase(self, guild_id: int) -> int | None:
        """Return the id of the server's showcase channel, if moderators have chosen one."""
        return await self._shares.get_showcase(guild_id)

    async def get_deletable_share(self, share_id: int, actor: Actor) -> Share:
        """Return a share that `actor` may delete: its creator, or a moderator of its server. Raises RequestRefused."""
        share = await self.get(share_id)
        if share.user_id != actor.user_id and not actor.moderates_channel(
            share.guild_id, share.post_channel_id or share.channel_id
        ):
            raise RequestRefused(tr("Only the member who shared this or a moderator here can unshare it."))
        return share

    def report_unshared(self, share: Share, by: int) -> None:
        """Report to the server's log that `by` has deleted a post."""
        self._events.publish(ShareChanged(share, by, posted=False))

    async def set_showcase(self, guild_id: int, channel_id: int | None, by: int) -> None:
        """Set the server's showcase channel, or (None) remove it; `by`: the moderator."""
        await self._shares.set_showcase(guild_id, channel_id)
        self._events.publish(ShowcaseChanged(guild_id, by, channel_id))

    async def get_gallery(self, guild_id: int, since: datetime) -> dict[int, list[Share]]:
        """Return the server's posted shares since then, by task; most starred first, as last counted."""
        by_task: dict[int, list[Share]] = {}
        for share in await self._shares.list_posted(guild_id, since, _GALLERY):
            by_task.setdefault(share.task_id, []).append(share)
        return by_task

    async def save_stars(self, shares: Collection[Share], stars: int) -> None:
        """Record how many members starred a result; `shares` are its posts."""
        await self._shares.update_all([share.id for share in shares], stars=stars, counted_at=self._now())

    def open_folder(self) -> AbstractAsyncContextManager[Path]:
        """Open a temporary folder, which is removed with its content."""
        return self._workspaces.open_temporary()

    async def fetch(self, url: str, into: Path, seconds: float) -> bool:
        """Download this Discord URL to `into`; return whether that succeeded."""
        try:
            async with asyncio.timeout(seconds):
                await self._downloader.fetch(url, into)
        except (UnusableVideo, DownloadFailed, TimeoutError) as error:
            log.info("a video could not be downloaded from Discord: %s", type(error).__name__)
            return False
        return True

    async def compress(self, film: Path, task: Task, max_bytes: int, into: Path) -> Path | None:
        """Write the video, at most `max_bytes` large, to `into`; None if it would look bad or cannot be decoded."""
        clip = task.film or task.result
        if clip is None:
            return None
        try:
            made = await compress(self._ffmpeg, film, clip, max_bytes=max_bytes, into=into)
        except UnusableVideo:
            return None
        return into if made else None

    async def make_thumbnail(self, film: Path, task: Task, into: Path) -> Path | None:
        """Write a small JPEG of the video's last second to `into`; None if no frame can be decoded."""
        clip = task.film or task.result
        if clip is None:
            return None
        try:
            picture = await make_thumbnail(self._ffmpeg, film, clip)
        except UnusableVideo:
            return None
        await asyncio.to_thread(into.write_bytes, picture)
        return into
