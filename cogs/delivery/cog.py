"""ReplyUpdater: the worker's ReplyPort over Discord. It has no commands."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext, suppress
from pathlib import Path

from discord.ext import commands

from bot.client import ExtendBot, check_before_requests
from bot.domain.errors import ExtendBotError
from bot.domain.reply_port import ReplyState, ReplyUnavailable, Undeliverable
from bot.domain.task import Billed, ReplyTarget, Task, TaskState
from cogs.common.files import exists, make_thumbnail_upload
from cogs.common.transport import Filtered, RouteClosed, ThreadArchived, TooLarge, UploadsLimited
from cogs.delivery import read_reply, routes
from cogs.delivery.old_reply import OldReplies
from cogs.delivery.outcome import Attempts, Outcome, OutcomeSender, Route
from cogs.delivery.routes import ReplyContent, by_bot, by_token, direct_message, new_message, replace_by_ephemeral
from cogs.delivery.second_look import SecondLook
from cogs.delivery.shown_reply import ShownReply, stop_updates
from cogs.tasks import card as tasks_card
from cogs.tasks import card_text

log = logging.getLogger(__name__)

_BOT_EDIT_SECONDS = 15.0
"""Minimum seconds between two edits of one message by the bot; Discord's rate limit is per channel."""

_BOT_EDITS_AT_ONCE = 5
"""Maximum concurrent edits by the bot; edits by token have a rate limit of their own each."""

_FIRST_EDIT_FRACTION = 0.2
"""How long the first edit waits, as a fraction of the gap between edits: a new task changes state quickly."""

_EDIT_TIMEOUT = 30.0
"""Maximum seconds for an edit that only shows progress."""


_FIRST_EDIT_TIMEOUT = 5.0
"""Maximum seconds that a paid request waits for the first edit of its reply."""


class _Outdated(ExtendBotError):
    """The task has moved on since its card was made, so the card must not be shown."""


class ReplyUpdater(commands.Cog):
    """Edits replies: progress at a limited rate, and the outcome until Discord has accepted it."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        self._replies: dict[int, ShownReply] = {}
        self._bot_edits = asyncio.Semaphore(_BOT_EDITS_AT_ONCE)
        self._outcomes = OutcomeSender(bot, self._ensure_lease)
        self.second_look = SecondLook(bot, self._show_outcome_again)
        self.old_replies = OldReplies(bot, lambda place: self._is_token_valid(ShownReply(), place))

    def is_idle(self, task_id: int) -> bool:
        """Whether nothing is left to show of the task at present."""
        reply = self._replies.get(task_id)
        return reply is None or (reply.newest is None and not reply.editing.locked())

    def update(self, task: Task, thumbnail: Path | None) -> None:
        """Edit the reply soon; only the newest task passed here is shown."""
        reply = self._replies.setdefault(task.id, ShownReply())
        reply.newest = reply.latest = task
        reply.thumbnail = None if task.order.spoiler else thumbnail
        reply.events.set()
        if reply.updates is None or reply.updates.done():
            reply.updates = asyncio.create_task(self._run_updates(reply), name=f"show task {task.id}")

    async def deliver(self, task: Task, result: Path | None, thumbnail: Path | None) -> ReplyTarget:
        """Show the task's outcome to its member. Raises ReplyUnavailable or Undeliverable."""
        reply = self._replies.setdefault(task.id, ShownReply())
        await stop_updates(reply)
        outcome = Outcome(task, result, thumbnail)
        try:
            route, place = await self._outcomes.send(outcome, self._find_open_routes(reply, task), reply.attempts)
        finally:
            if reply.attempts.dead_token:
                reply.dead_token = task.place.token
        self._replies.pop(task.id, None)
        told = task.model_copy(update={"place": place})
        if route in {new_message, direct_message}:
            self.old_replies.schedule(told, task.place)
        self.second_look.schedule(told)
        return place

    async def is_refused(self, task: Task) -> bool:
        """Return whether a filter of the server refuses the reply; wait a moment for its first edit."""
        reply = self._replies.get(task.id)
        if reply is None:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_EDIT_TIMEOUT):
                await reply.answered.wait()
        return reply.refused

    def release(self, task_id: int) -> None:
        """Stop showing the task, because another process shows it from now on."""
        reply = self._replies.pop(task_id, None)
        if reply and reply.updates:
            reply.updates.cancel()

    async def notify(self, task: Task, *, again: bool) -> None:
        """Notify only the task's member that the reply shows the outcome. Raises ReplyUnavailable or Undeliverable."""
        try:
            with check_before_requests(self._ensure_lease):
                await routes.notify_member(self._bot, task, again=again)
        except (RouteClosed, Filtered, ThreadArchived) as closed:
            raise Undeliverable(str(closed)) from closed

    async def delete(self, task: Task) -> bool:
        """Delete the task's reply; return whether it is gone. Raises ReplyUnavailable."""
        place, token_lives = task.place, self._is_token_valid(ShownReply(), task.place)
        by_token = (routes.delete_by_token,) if token_lives else ()
        for route in by_token if place.ephemeral else (routes.delete_by_bot, *by_token):
            with suppress(RouteClosed):
                await route(self._bot, place)
                return True
        return False

    async def read_state(self, task: Task) -> ReplyState:
        """Read what the task's reply shows. Raises ReplyUnavailable."""
        return await read_reply.read_state(self._bot, task.place)

    async def cog_unload(self) -> None:
        """Stop all updates. After the next start, the worker shows what is missing."""
        # Not with stop_updates, which waits for a running edit: an edit that hangs must not delay the shutdown.
        workers = [reply.updates for reply in self._replies.values() if reply.updates]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, self.second_look.close(), self.old_replies.close(), return_exceptions=True)

    def _find_open_routes(self, reply: ShownReply, task: Task) -> list[Route]:
        """Return the routes for an outcome, in order."""
        by_interaction = (replace_by_ephemeral, by_token) if _fails_unbilled(task) else (by_token,)
        open_routes = by_interaction if self._is_token_valid(reply, task.place) else ()
        return [*open_routes, by_bot, new_message, direct_message]

    async def _make_progress(self, reply: ShownReply, task: Task) -> ReplyContent:
        """Return what shows a running task; the thumbnail is uploaded once to each message."""
        has_thumbnail = reply.thumbnail_message_id == task.place.message_id or await exists(reply.thumbnail)
        card = tasks_card.make_card(
            task,
            self._bot.now(),
            self._bot.languages.find_best_match(task.place.locale),
            thumbnail=has_thumbnail,
            plain=reply.attempts.plain,
        )
        upload = None
        if reply.thumbnail and has_thumbnail and reply.thumbnail_message_id != task.place.message_id:
            upload = make_thumbnail_upload(task, reply.thumbnail, with_prompt=not reply.attempts.plain)
        return ReplyContent(task.id, task.order.user_id, card, upload, keeps_attachments=upload is None)

    async def _run_updates(self, reply: ShownReply) -> None:
        """Show updates until there are no more. After an unexpected error, the next `update` starts again."""
        try:
            await self._show_updates(reply)
        except Exception:
            log.exception("task %d: progress could not be shown", reply.latest.id if reply.latest else 0)

    async def _show_updates(self, reply: ShownReply) -> None:
        """Show the newest task repeatedly, within the rate limit."""
        if reply.shown is None:
            await asyncio.sleep(self._bot.edit_seconds * _FIRST_EDIT_FRACTION)
        while task := reply.newest:
            gap = 0.0
            # The card is made after the wait, so that it is current and waiting updates use little memory.
            async with nullcontext() if self._is_token_valid(reply, task.place) else self._bot_edits:
                task = reply.newest or task  # type: ignore[truthy-bool]  # (`update` may have been called)
                reply.newest = None
                reply.events.clear()
                content = await self._make_progress(reply, task)
                if content.card.fingerprint() != reply.shown:
                    async with reply.editing:
                        gap = await self._edit(reply, task, content)
                    if gap:  # without a gap it is edited again at once
                        reply.answered.set()
            await asyncio.sleep(gap)
            await self._wait_for_update(reply, task)

    async def _wait_for_update(self, reply: ShownReply, task: Task) -> None:
        """Wait for an update, or until the card changes with time alone, as when it must offer "Fetch result"."""
        changes_at = card_text.changes_at(task, self._bot.now())
        if changes_at is None or reply.newest:
            return
        left = (changes_at - self._bot.now()).total_seconds()
        try:
            async with asyncio.timeout(left):
                await reply.events.wait()
        except TimeoutError:
            reply.newest = task

    async def _edit(self, reply: ShownReply, task: Task, content: ReplyContent) -> float:
        """Show progress if possible; return the seconds until the next edit."""
        token_lives = self._is_token_valid(reply, task.place)
        try:
            # The timeout is short, because the outcome waits for a running edit.
            async with asyncio.timeout(_EDIT_TIMEOUT):
                with check_before_requests(lambda: self._ensure_current(task)):
                    await (by_token if token_lives else by_bot)(self._bot, task.place, content)
        except _Outdated:
            return 0.0  # whoever changed the task shows it
        except Filtered as error:
            log.info("task %d: a filter refuses its card: %s", task.id, error)
            reply.refused, reply.newest = reply.attempts.plain, reply.newest or task
            if not reply.attempts.plain:
                reply.attempts.plain = True
                return 0.0
        except RouteClosed as closed:
            log.info("task %d: progress not shown: %s", task.id, closed)
            reply.dead_token = task.place.token
        except (ReplyUnavailable, TooLarge, UploadsLimited, TimeoutError) as error:
            log.info("task %d: progress not shown yet: %s", task.id, error)
            reply.newest = reply.newest or task
            reply.thumbnail = None if isinstance(error, (TooLarge, UploadsLimited)) else reply.thumbnail
            return max(self._bot.edit_seconds, getattr(error, "retry_after", None) or 0.0)
        else:
            reply.shown, reply.refused = content.card.fingerprint(), False
            reply.thumbnail_message_id = task.place.message_id if content.card.has_thumbnail else None
        return self._bot.edit_seconds if token_lives else max(self._bot.edit_seconds, _BOT_EDIT_SECONDS)

    async def _show_outcome_again(self, task: Task, has_video: bool) -> None:
        """Restore the card of a told task. Raises RequestRefused, RouteClosed and ReplyUnavailable."""
        services = self._bot.services
        row = await services.tasks.get_task(task.id)
        if row.deleted or row.place.message_id != task.place.message_id:
            return
        route = by_token if self._is_token_valid(ShownReply(), row.place) else by_bot
        video = None if has_video else await services.history.find_video(row)
        if video:
            outcome = Outcome(row, video, await services.history.find_thumbnail(row))
            await self._outcomes.send(outcome, [route], Attempts())
            return
        linked = row.state is TaskState.DELIVERED and not has_video
        language = self._bot.languages.find_best_match(row.place.locale)
        card = tasks_card.make_card(row, self._bot.now(), language, linked=linked)
        await route(self._bot, row.place, ReplyContent(row.id, row.order.user_id, card, keeps_attachments=True))

    async def _ensure_lease(self) -> None:
        """Raise ReplyUnavailable if another process may own the task by now; called right before each request."""
        if not self._bot.lease_is_valid():
            raise ReplyUnavailable("this process may have lost its lease")

    async def _ensure_current(self, task: Task) -> None:
        """Raise ReplyUnavailable, or _Outdated if another process has changed the task since."""
        await self._ensure_lease()
        try:
            is_current = await self._bot.is_current(task)
        except Exception as error:
            raise ReplyUnavailable(f"the task's row could not be read: {error}") from error
        if not is_current:
            raise _Outdated(f"task {task.id} is no longer {task.state}")

    def _is_token_valid(self, reply: ShownReply, place: ReplyTarget) -> bool:
        deleted = not place.token.get_secret_value()
        return not deleted and self._bot.now() < place.token_expires_at and place.token != reply.dead_token


def _fails_unbilled(task: Task) -> bool:
    """Return whether the task failed before anything was sent to FoxAPI, so that only its member need see it."""
    free = task.state is TaskState.FAILED and task.billed is Billed.NO and task.video_url is None
    return free and not task.place.ephemeral and task.place.guild_id is not None
