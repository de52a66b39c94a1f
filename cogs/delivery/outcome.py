"""Shows a task's outcome by the first route that Discord leaves open, in the best form that this route takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from discord.utils import DEFAULT_FILE_SIZE_LIMIT_BYTES

from bot.client import ExtendBot, check_before_requests
from bot.domain.reply_port import FileTooLarge, ReplyUnavailable, Undeliverable
from bot.domain.task import ReplyTarget, Task
from cogs.common.files import exists, make_film_upload, make_thumbnail_upload
from cogs.common.transport import Filtered, RouteClosed, ThreadArchived, TooLarge, UploadsLimited
from cogs.delivery.routes import ReplyContent, by_token, replace_by_ephemeral
from cogs.tasks import card as tasks_card

log = logging.getLogger(__name__)

Route: TypeAlias = Callable[[ExtendBot, ReplyTarget, ReplyContent], Awaitable[ReplyTarget]]

_GIVE_UP_AFTER = timedelta(minutes=3)
"""How long a route may answer with server errors before the next one is used (discord-api-docs, issue 7448)."""
_BY_INTERACTION = {by_token, replace_by_ephemeral}
"""The routes that have the interaction's upload limit: the larger one of the member's and the server's."""


@dataclass(slots=True)
class Attempts:
    """What was learned while one task's outcome was sent; it is kept until Discord has accepted it."""

    plain: bool = False
    """A filter refuses the member's words or links, so the card is sent without both."""
    failing_since: dict[str, datetime] = field(default_factory=dict)
    """By route, when it first answered with a server error."""
    dead_token: bool = False
    """Discord has rejected the interaction's token."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome to show: a result with its thumbnail, or neither."""

    task: Task
    result: Path | None
    thumbnail: Path | None


class OutcomeSender:
    """Sends outcomes."""

    def __init__(self, bot: ExtendBot, ensure_lease: Callable[[], Awaitable[None]]) -> None:
        """`ensure_lease` is called right before each request; it may raise ReplyUnavailable."""
        self._bot = bot
        self._ensure_lease = ensure_lease

    async def send(self, outcome: Outcome, routes: Sequence[Route], attempts: Attempts) -> tuple[Route, ReplyTarget]:
        """Show the outcome; return the route that took it, and where it stands now.

        Raises Undeliverable, ReplyUnavailable, or FileTooLarge if the next route takes smaller files than the reply.
        """
        closed_routes = []
        for route in routes:
            try:
                return route, await self._send_by(route, outcome, attempts)
            except (RouteClosed, ThreadArchived) as closed:
                closed_routes.append(f"{route.__name__}: {closed}")
                attempts.dead_token |= route in _BY_INTERACTION
            except ReplyUnavailable as error:
                if not self._is_hopeless(route, error, attempts):
                    raise
                log.warning("task %d: %s fails for minutes: %s", outcome.task.id, route.__name__, error)
                closed_routes.append(f"{route.__name__}: {error}")
        raise Undeliverable("; ".join(closed_routes))

    def _is_hopeless(self, route: Route, error: ReplyUnavailable, attempts: Attempts) -> bool:
        """Whether the route has answered with server errors for minutes, so that another one is better."""
        if not error.server_error:
            attempts.failing_since.pop(route.__name__, None)
            return False
        since = attempts.failing_since.setdefault(route.__name__, self._bot.now())
        return self._bot.now() - since >= _GIVE_UP_AFTER

    async def _send_by(self, route: Route, outcome: Outcome, attempts: Attempts) -> ReplyTarget:
        """Try the forms of the outcome, best first: the video; a thumbnail and a link; only a link."""
        place, takes_files = outcome.task.place, True
        limit = self._find_limit(route, place)
        for form in await self._make_forms(outcome, limit, attempts):
            if form.file and not takes_files:
                continue
            try:
                return await self._send_form(route, place, form, outcome, attempts)
            except UploadsLimited:
                takes_files = False
            except TooLarge:
                if form.file == outcome.result and place.filesize_limit > DEFAULT_FILE_SIZE_LIMIT_BYTES:
                    raise FileTooLarge(DEFAULT_FILE_SIZE_LIMIT_BYTES) from None
        raise RouteClosed("it takes no form of the outcome")

    async def _send_form(
        self, route: Route, place: ReplyTarget, form: ReplyContent, outcome: Outcome, attempts: Attempts
    ) -> ReplyTarget:
        """Send one form; if a filter refuses its words, send it without them. Raises RouteClosed if it still does."""
        try:
            with check_before_requests(self._ensure_lease):
                return await route(self._bot, place, form)
        except Filtered as error:
            if attempts.plain:
                raise RouteClosed(str(error)) from error
        log.info("task %d: a filter refuses its card, which is sent without the prompt and links", outcome.task.id)
        attempts.plain = True
        forms = await self._make_forms(outcome, self._find_limit(route, place), attempts)
        plain = next((each for each in forms if each.file == form.file), forms[-1])
        return await self._send_form(route, place, plain, outcome, attempts)

    async def _make_forms(self, outcome: Outcome, limit: int, attempts: Attempts) -> list[ReplyContent]:
        task, now, plain = outcome.task, self._bot.now(), attempts.plain
        language, user_id = self._bot.languages.find_best_match(task.place.locale), task.order.user_id
        if outcome.result is None:
            return [ReplyContent(task.id, user_id, tasks_card.make_card(task, now, language, plain=plain))]
        forms, size = [], (await asyncio.to_thread(outcome.result.stat)).st_size
        if size <= limit:
            card = tasks_card.make_result_card(task, now, language, plain=plain)
            upload = make_film_upload(task, outcome.result, with_prompt=not plain)
            forms.append(ReplyContent(task.id, user_id, card, upload))
        elif limit < task.place.filesize_limit:
            raise FileTooLarge(limit)
        if outcome.thumbnail and not task.order.spoiler and await exists(outcome.thumbnail):
            card = tasks_card.make_result_card(task, now, language, linked=True, thumbnail=True, plain=plain)
            upload = make_thumbnail_upload(task, outcome.thumbnail, with_prompt=not plain)
            forms.append(ReplyContent(task.id, user_id, card, upload))
        card = tasks_card.make_result_card(task, now, language, linked=True, plain=plain)
        forms.append(ReplyContent(task.id, user_id, card))
        return forms

    def _find_limit(self, route: Route, place: ReplyTarget) -> int:
        """Return the route's upload limit in bytes: a member's higher limit holds for their interactions only.

        A server that the bot does not know (yet), as in a process without a gateway, keeps the reply's limit.
        """
        if route in _BY_INTERACTION:
            return place.filesize_limit
        if place.guild_id is None or route.__name__ == "direct_message":
            return min(place.filesize_limit, DEFAULT_FILE_SIZE_LIMIT_BYTES)
        guild = self._bot.get_guild(place.guild_id)
        return min(place.filesize_limit, guild.filesize_limit) if guild else place.filesize_limit
