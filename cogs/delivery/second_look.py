"""Looks at a reply again after its outcome was shown, because another process may have edited it at the same time.

Each process checks a task's row right before it edits a reply, but a request that has left cannot be called back, and
Discord applies edits in the order in which they arrive.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import discord

from bot.client import REQUEST_ERRORS, ExtendBot
from bot.domain.errors import RequestRefused
from bot.domain.reply_port import FileTooLarge, ReplyUnavailable, Undeliverable
from bot.domain.task import Task
from cogs.common.files import is_film_name
from cogs.common.transport import RouteClosed
from cogs.delivery import read_reply

log = logging.getLogger(__name__)

_LOOKS = (3.0, 35.0)
"""Seconds after the outcome was shown. An edit that shows progress takes at most 30 seconds."""
_RECENTLY = timedelta(seconds=60)


class SecondLook:
    """Owns the looks that are still to come."""

    def __init__(self, bot: ExtendBot, show_again: Callable[[Task, bool], Awaitable[None]]) -> None:
        """`show_again` shows the task's outcome again; its second argument: whether the reply still has the video."""
        self.looks = _LOOKS
        self._bot = bot
        self._show_again = show_again
        self._pending: set[asyncio.Task[None]] = set()

    def schedule(self, task: Task) -> None:
        """Look again at the reply that shows this task's outcome, if another process may be editing it."""
        if self._bot.is_single_process or not self._may_be_edited_elsewhere(task):
            return
        look = asyncio.create_task(self._look_repeatedly(task), name=f"look again at task {task.id}")
        self._pending.add(look)
        look.add_done_callback(self._pending.discard)

    async def close(self) -> None:
        """Cancel all looks."""
        for look in self._pending:
            look.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)

    def _may_be_edited_elsewhere(self, task: Task) -> bool:
        """Whether it was waiting until a short time ago, or its worker has changed."""
        waited_at = task.submitted_at
        return task.fencing_token > 1 or waited_at is None or self._bot.now() - waited_at < _RECENTLY

    async def _look_repeatedly(self, task: Task) -> None:
        waited = 0.0
        for at in self.looks:
            await asyncio.sleep(at - waited)
            waited = at
            try:
                await self._look(task)
            except (
                *REQUEST_ERRORS,
                ReplyUnavailable,
                Undeliverable,
                FileTooLarge,
                RouteClosed,
                RequestRefused,
            ) as error:
                log.info("task %d: its reply was not looked at again: %s", task.id, type(error).__name__)
            except Exception:
                log.exception("task %d: looking at its reply again failed", task.id)

    async def _look(self, task: Task) -> None:
        place = task.place
        if self._bot.now() < place.token_expires_at:
            webhook = discord.Webhook.partial(place.application_id, place.token.get_secret_value(), client=self._bot)
            message: discord.Message = await webhook.fetch_message(place.message_id)
        elif place.ephemeral:
            return
        else:
            channel = self._bot.get_partial_messageable(place.channel_id, guild_id=place.guild_id)
            message = await channel.fetch_message(place.message_id)
        if read_reply.has_running_buttons(message):
            log.warning("task %d: an edit by another process replaced its outcome, which is shown again", task.id)
            await self._show_again(task, any(is_film_name(each.filename) for each in message.attachments))
