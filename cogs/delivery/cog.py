"""No commands: the screen on which the runner shows tasks, and the choice of the way to the message."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from discord.ext import commands
from pydantic import SecretStr

from bot.client import ExtendBot
from bot.domain.reply_port import ReplyState, ReplyUnavailable, Undeliverable
from bot.domain.task import Billed, ReplyTarget, Task, TaskState
from cogs.common import formatting
from cogs.common.transport import RouteClosed, TooLarge
from cogs.delivery import read_reply, routes
from cogs.delivery.routes import ReplyContent, by_bot, by_token, direct_message, new_message, replace_by_ephemeral
from cogs.tasks import card as tasks_card
from cogs.tasks import card_text

log = logging.getLogger(__name__)

_BOT_EDIT_SECONDS = 15.0
"""Least seconds between two edits of one message by the bot; Discord's own limit is per channel."""

_BOT_EDITS_AT_ONCE = 5
"""By the bot itself; those by a token have a limit of their own each."""

_FIRST_EDIT_FRACTION = 0.2
"""Of the gap between two edits: how long the first one waits, for the first states follow each other fast."""

_EDIT_TIMEOUT = 30.0
"""Most seconds that Discord may take for an edit that only shows progress."""


@dataclass(slots=True)
class _ReplyState:
    """What is known here of one running task's reply."""

    newest: Task | None = None
    """What is to be shown next."""
    latest: Task | None = None
    """What was last to be shown; in line, it knows its turn."""
    events: asyncio.Event = field(default_factory=asyncio.Event)
    thumbnail: Path | None = None
    """A picture of the clip."""
    thumbnail_message_id: int | None = None
    """The message that it is attached to."""
    shown: object = None
    """The fingerprint of what the reply shows."""
    updates: asyncio.Task[None] | None = None
    dead_token: SecretStr | None = None
    """Discord no longer takes this one; never use it again: 10,000 bad answers in ten minutes ban the address."""
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)


class ReplyUpdater(commands.Cog):
    """Edits replies: progress when there is time for it, the end until Discord has taken it."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        self._replies: dict[int, _ReplyState] = {}
        self._bot_edits = asyncio.Semaphore(_BOT_EDITS_AT_ONCE)

    def update(self, task: Task, still: Path | None) -> None:
        """Bring the reply up to date soon; the newest task shown wins."""
        reply = self._replies.setdefault(task.id, _ReplyState())
        reply.newest = reply.latest = task
        reply.thumbnail = still
        reply.events.set()
        if reply.updates is None or reply.updates.done():
            reply.updates = asyncio.create_task(self._run_updates(reply), name=f"show task {task.id}")

    def with_queue_position(self, task: Task) -> Task:
        """The task with what its reply says of its turn, if it is in line."""
        reply = self._replies.get(task.id)
        shown = reply.latest if reply else None
        if shown is None or not task.waits or not shown.waits:
            return task
        return task.model_copy(update={"queue_position": shown.queue_position, "starts_at": shown.starts_at})

    async def deliver(self, task: Task, result: Path | None, still: Path | None) -> ReplyTarget:
        """Put the task's end where its member sees it; raises NotNow or NoWay."""
        reply = self._replies.setdefault(task.id, _ReplyState())
        await _stop_updates(reply)
        for parcel in await self._make_outcomes(task, result, still):
            with suppress(TooLarge):
                place = await self._send_by_first_open_route(reply, task, parcel)
                self._replies.pop(task.id, None)
                return place
        raise ReplyUnavailable("Discord calls a message without any file too large")

    def release(self, task_id: int) -> None:
        """Another process shows this task from now on."""
        reply = self._replies.pop(task_id, None)
        if reply and reply.updates:
            reply.updates.cancel()

    async def notify(self, task: Task, *, again: bool) -> None:
        """Notify the task's member, and nobody else, that the end stands in the reply; raises NotNow or NoWay."""
        self._ensure_lease()
        try:
            await routes.notify_member(self._bot, task, again=again)
        except RouteClosed as closed:
            raise Undeliverable(str(closed)) from closed

    async def delete(self, task: Task) -> bool:
        """Delete the message that shows the task; say whether it is gone now. Raises NotNow."""
        place, token_lives = task.place, self._is_token_valid(_ReplyState(), task.place)
        by_token = (routes.delete_by_token,) if token_lives else ()
        for way in by_token if place.ephemeral else (routes.delete_by_bot, *by_token):
            with suppress(RouteClosed):
                await way(self._bot, place)
                return True
        return False

    async def read_state(self, task: Task) -> ReplyState:
        """Read what the task's reply shows; raises NotNow."""
        return await read_reply.read_state(self._bot, task.place)

    async def cog_unload(self) -> None:
        """Stop showing; what is not shown yet is shown by the next run."""
        # Not by _stop: an edit that hangs must not keep the bot from ending.
        workers = [reply.updates for reply in self._replies.values() if reply.updates]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _send_by_first_open_route(self, reply: _ReplyState, task: Task, parcel: ReplyContent) -> ReplyTarget:
        shut = []
        ways = (by_token, by_bot, new_message, direct_message)
        for way in (replace_by_ephemeral, *ways) if _fails_unbilled(task) else ways:
            if way in {replace_by_ephemeral, by_token} and not self._is_token_valid(reply, task.place):
                continue
            self._ensure_lease()
            try:
                return await way(self._bot, task.place, parcel)
            except RouteClosed as closed:
                shut.append(f"{way.__name__}: {closed}")
                if way in {replace_by_ephemeral, by_token}:
                    reply.dead_token = task.place.token
        raise Undeliverable("; ".join(shut))

    async def _make_outcomes(self, task: Task, result: Path | None, still: Path | None) -> list[ReplyContent]:
        """What shows the task's end, best first: with the result attached; with a still and a link; with a link."""
        user_id, now = task.order.user_id, self._bot.now()
        language = self._bot.languages.best_match(task.place.locale)
        if result is None:
            return [ReplyContent(task.id, user_id, tasks_card.make_card(task, now, language))]
        parcels = []
        if (await asyncio.to_thread(result.stat)).st_size <= task.place.filesize_limit:
            parcels.append(ReplyContent(task.id, user_id, tasks_card.make_result_card(task, now, language), result))
        if await _exists(still):
            card = tasks_card.make_result_card(task, now, language, linked=True, still=True)
            parcels.append(ReplyContent(task.id, user_id, card, still, formatting.THUMBNAIL_NAME))
        parcels.append(ReplyContent(task.id, user_id, tasks_card.make_result_card(task, now, language, linked=True)))
        return parcels

    async def _make_progress(self, reply: _ReplyState, task: Task) -> ReplyContent:
        """What shows a running task; its still is uploaded once to each message."""
        has_still = reply.thumbnail_message_id == task.place.message_id or await _exists(reply.thumbnail)
        card = tasks_card.make_card(
            task, self._bot.now(), self._bot.languages.best_match(task.place.locale), still=has_still
        )
        file = reply.thumbnail if has_still and reply.thumbnail_message_id != task.place.message_id else None
        return ReplyContent(
            task.id, task.order.user_id, card, file, formatting.THUMBNAIL_NAME, keeps_attachments=file is None
        )

    async def _run_updates(self, reply: _ReplyState) -> None:
        """Edit until there is nothing newer to show; a surprise ends this showing, and the next news begins anew."""
        try:
            await self._show_updates(reply)
        except Exception:
            log.exception("task %d: progress could not be shown", reply.latest.id if reply.latest else 0)

    async def _show_updates(self, reply: _ReplyState) -> None:
        """Show what is newest, again and again, never faster than allowed."""
        if reply.shown is None:
            await asyncio.sleep(self._bot.edit_seconds * _FIRST_EDIT_FRACTION)
        while task := reply.newest:
            gap = 0.0
            # What waits for its turn here is a row, and not a request with all that belongs to it.
            async with nullcontext() if self._is_token_valid(reply, task.place) else self._bot_edits:
                task = reply.newest or task  # type: ignore[truthy-bool]  # (another one may have come)
                reply.newest = None
                reply.events.clear()
                parcel = await self._make_progress(reply, task)
                if parcel.card.fingerprint() != reply.shown:
                    async with reply.editing:
                        gap = await self._edit(reply, task, parcel)
            await asyncio.sleep(gap)
            await self._wait_for_update(reply, task)

    async def _wait_for_update(self, reply: _ReplyState, task: Task) -> None:
        """For a private reply: until there is news or, before its token ends, "Fetch result" must be offered."""
        fetch_by = card_text.fetch_by(task)
        left = (fetch_by - self._bot.now()).total_seconds() if fetch_by else 0.0
        if left <= 0 or reply.newest:
            return
        try:
            async with asyncio.timeout(left):
                await reply.events.wait()
        except TimeoutError:
            reply.newest = task

    async def _edit(self, reply: _ReplyState, task: Task, parcel: ReplyContent) -> float:
        """Show progress if that is possible; return the seconds until the next edit may follow."""
        token_lives = self._is_token_valid(reply, task.place)
        try:
            self._ensure_lease()
            async with asyncio.timeout(_EDIT_TIMEOUT):  # the end waits for an edit under way, so it may not take long
                await (by_token if token_lives else by_bot)(self._bot, task.place, parcel)
        except RouteClosed as closed:
            log.info("task %d: progress not shown: %s", task.id, closed)
            reply.dead_token = task.place.token
        except (ReplyUnavailable, TooLarge, TimeoutError) as error:
            log.info("task %d: progress not shown yet: %s", task.id, error)
            reply.newest = reply.newest or task
            reply.thumbnail = None if isinstance(error, TooLarge) else reply.thumbnail
            return max(self._bot.edit_seconds, getattr(error, "retry_after", None) or 0.0)
        else:
            reply.shown = parcel.card.fingerprint()
            reply.thumbnail_message_id = task.place.message_id if parcel.card.has_thumbnail else None
        return self._bot.edit_seconds if token_lives else max(self._bot.edit_seconds, _BOT_EDIT_SECONDS)

    def _ensure_lease(self) -> None:
        """Raise NotNow, right before a call, if another process may be showing the task by now."""
        if not self._bot.lease_is_valid():
            raise ReplyUnavailable("this process is not sure that the task is still its own")

    def _is_token_valid(self, reply: _ReplyState, place: ReplyTarget) -> bool:
        deleted = not place.token.get_secret_value()
        return not deleted and self._bot.now() < place.token_expires_at and place.token != reply.dead_token


def _fails_unbilled(task: Task) -> bool:
    """Whether nobody else need see the task's end: it failed before there was anything that FoxAPI could be given."""
    free = task.state is TaskState.FAILED and task.billed is Billed.NO and task.video_url is None
    return free and not task.place.ephemeral and task.place.guild_id is not None


async def _exists(path: Path | None) -> bool:
    return path is not None and await asyncio.to_thread(path.is_file)


async def _stop_updates(reply: _ReplyState) -> None:
    """End showing between two edits, so that nothing older can come after the end."""
    reply.newest = None
    if reply.updates is not None:
        async with reply.editing:
            reply.updates.cancel()
        await asyncio.gather(reply.updates, return_exceptions=True)
        reply.updates = None
