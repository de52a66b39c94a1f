"""No commands: the screen on which the runner shows tasks, and the choice of the way to the message."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path

from discord.ext import commands
from pydantic import SecretStr

from bot.client import ExtendBot
from bot.runner import NotNow, NoWay
from bot.task import Place, Task
from cogs import _cards
from cogs._buttons import TaskButton
from cogs._ways import Closed, Parcel, TooLarge, by_bot, by_token, direct_message, new_message

log = logging.getLogger(__name__)

_BOT_EDIT_SECONDS = 15.0
"""Least seconds between two edits of one message by the bot; Discord's own limit is per channel."""
_EDIT_TAKES = 30.0
"""Most seconds that Discord may take for an edit that only shows progress."""


@dataclass(slots=True)
class _Reply:
    """What is known here of one running task's reply."""

    newest: Task | None = None
    """What is to be shown next."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    shown: object = None
    """The fingerprint of what the reply shows."""
    worker: asyncio.Task[None] | None = None
    dead_token: SecretStr | None = None
    """Discord no longer takes this one; never use it again: 10,000 bad answers in ten minutes ban the address."""
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Delivery(commands.Cog):
    """Edits replies: progress when there is time for it, the end until Discord has taken it."""

    def __init__(self, bot: ExtendBot) -> None:
        self._bot = bot
        self._replies: dict[int, _Reply] = {}

    def show(self, task: Task) -> None:
        """Bring the reply up to date soon; the newest task shown wins."""
        reply = self._replies.setdefault(task.id, _Reply())
        reply.newest = task
        reply.news.set()
        if reply.worker is None or reply.worker.done():
            reply.worker = asyncio.create_task(self._keep_showing(reply), name=f"show task {task.id}")

    async def deliver(self, task: Task, result: Path | None) -> Place:
        """Put the task's end where its member sees it; raises NotNow or NoWay."""
        reply = self._replies.setdefault(task.id, _Reply())
        await _stop(reply)
        try:
            place = await self._by_first_open_way(reply, task, result)
        except TooLarge:
            place = await self._by_first_open_way(reply, task, result, attach=False)
        self._replies.pop(task.id, None)
        return place

    async def cog_unload(self) -> None:
        """Stop showing; what is not shown yet is shown by the next run."""
        # Not by _stop: an edit that hangs must not keep the bot from ending.
        workers = [reply.worker for reply in self._replies.values() if reply.worker]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _by_first_open_way(self, reply: _Reply, task: Task, result: Path | None, *, attach: bool = True) -> Place:
        parcel = await asyncio.to_thread(self._parcel, task, result, attach=attach)
        shut = []
        for way in (by_token, by_bot, new_message, direct_message):
            if way is by_token and not self._token_lives(reply, task.place):
                continue
            try:
                return await way(self._bot, task.place, parcel)
            except Closed as closed:
                shut.append(f"{way.__name__}: {closed}")
                if way is by_token:
                    reply.dead_token = task.place.token
        raise NoWay("; ".join(shut))

    def _parcel(self, task: Task, result: Path | None, *, attach: bool) -> Parcel:
        if result is None:
            return Parcel(task.id, task.order.user_id, _cards.card(task, self._bot.now()))
        fits = attach and result.stat().st_size <= task.place.filesize_limit
        card = _cards.finished(task, self._bot.now(), linked=not fits)
        return Parcel(task.id, task.order.user_id, card, result if fits else None)

    async def _keep_showing(self, reply: _Reply) -> None:
        """Edit until there is nothing newer to show, never faster than allowed."""
        while task := reply.newest:
            reply.newest = None
            reply.news.clear()
            card = _cards.card(task, self._bot.now())
            if card.fingerprint() != reply.shown:
                async with reply.editing:
                    gap = await self._edit(reply, task.place, Parcel(task.id, task.order.user_id, card))
                    reply.shown = card.fingerprint()
                await asyncio.sleep(gap)
            await self._wait_for_news(reply, task)

    async def _wait_for_news(self, reply: _Reply, task: Task) -> None:
        """For a private reply: until there is news or, before its token ends, "Fetch result" must be offered."""
        fetch_by = _cards.fetch_by(task)
        left = (fetch_by - self._bot.now()).total_seconds() if fetch_by else 0.0
        if left <= 0 or reply.newest:
            return
        try:
            async with asyncio.timeout(left):
                await reply.news.wait()
        except TimeoutError:
            reply.newest = task

    async def _edit(self, reply: _Reply, place: Place, parcel: Parcel) -> float:
        """Show progress if that is possible; return the seconds until the next edit may follow."""
        by_bot_gap = max(self._bot.edit_seconds, _BOT_EDIT_SECONDS)
        try:
            async with asyncio.timeout(_EDIT_TAKES):  # the end waits for an edit under way, so it may not take long
                if self._token_lives(reply, place):
                    await by_token(self._bot, place, parcel)
                    return self._bot.edit_seconds
                await by_bot(self._bot, place, parcel)
        except Closed as closed:
            log.info("task %d: progress not shown: %s", parcel.task_id, closed)
            reply.dead_token = place.token
        except (NotNow, TooLarge, TimeoutError) as error:
            log.info("task %d: progress not shown yet: %s", parcel.task_id, str(error) or "no answer")
        return by_bot_gap

    def _token_lives(self, reply: _Reply, place: Place) -> bool:
        return self._bot.now() < place.token_ends and place.token != reply.dead_token


async def _stop(reply: _Reply) -> None:
    """End showing between two edits, so that nothing older can come after the end."""
    reply.newest = None
    if reply.worker is not None:
        async with reply.editing:
            reply.worker.cancel()
        await asyncio.gather(reply.worker, return_exceptions=True)
        reply.worker = None


async def setup(bot: ExtendBot) -> None:
    """Called by discord.py when the cog is loaded."""
    delivery = Delivery(bot)
    bot.screen = delivery
    bot.add_dynamic_items(TaskButton)
    await bot.add_cog(delivery)
