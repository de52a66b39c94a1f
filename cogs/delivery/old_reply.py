"""Corrects a reply that still shows a running task although the outcome was sent elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.client import ExtendBot
from bot.domain.reply_port import ReplyUnavailable
from bot.domain.task import ReplyTarget, Task
from cogs.common.transport import Filtered, RouteClosed, ThreadArchived
from cogs.delivery.routes import ReplyContent, by_bot, by_token
from cogs.tasks.card import make_moved_card

log = logging.getLogger(__name__)

_GAPS = (30.0, 120.0, 600.0, 3600.0, 6 * 3600.0)
"""Seconds between the tries: the channel may become reachable again, and invalid requests must stay few."""


class OldReplies:
    """Owns the corrections that are still to come. A restart forgets them."""

    def __init__(self, bot: ExtendBot, is_token_valid: Callable[[ReplyTarget], bool]) -> None:
        self.gaps = _GAPS
        self._bot = bot
        self._is_token_valid = is_token_valid
        self._pending: set[asyncio.Task[None]] = set()

    def schedule(self, task: Task, old: ReplyTarget) -> None:
        """Show in the reply `old` where the task's outcome is now."""
        correction = asyncio.create_task(self._correct_repeatedly(task, old), name=f"correct old reply of {task.id}")
        self._pending.add(correction)
        correction.add_done_callback(self._pending.discard)

    async def close(self) -> None:
        """Cancel all corrections."""
        for correction in self._pending:
            correction.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)

    async def _correct_repeatedly(self, task: Task, old: ReplyTarget) -> None:
        card = make_moved_card(task, self._bot.languages.find_best_match(old.locale))
        content = ReplyContent(task.id, task.order.user_id, card)
        for gap in (0.0, *self.gaps):
            await asyncio.sleep(gap)
            route: Callable[..., Awaitable[object]] = by_token if self._is_token_valid(old) else by_bot
            try:
                await route(self._bot, old, content)
            except RouteClosed as closed:
                if closed.gone:
                    return  # nobody sees it
                log.info("task %d: its old reply cannot be corrected yet: %s", task.id, closed)
            except (ReplyUnavailable, Filtered, ThreadArchived) as error:
                log.info("task %d: its old reply cannot be corrected yet: %s", task.id, error)
            except Exception:
                log.exception("task %d: correcting its old reply failed", task.id)
            else:
                return
