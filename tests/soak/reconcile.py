"""The books of a soak, balanced from three sources that know nothing of each other.

FoxAPI's stand-in knows what was asked of it and what it took money for; the members know what they see; the database
knows what the bot believes. Whatever does not agree, and whatever stays unexplained, is a violation.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from bot.sandbox.discord.state.model import Json
from bot.sandbox.faults import Call
from tests.soak.chaos import ChaosLog
from tests.soak.log import problems_of
from tests.support.clips import seconds_of
from tests.support.databases import Database
from tests.support.harness import CREATE, Harness, title_of

if TYPE_CHECKING:
    from tests.soak.__main__ import Order

TITLES = {
    "delivered": "Finished",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "unclear": "Outcome unknown",
}
NEAR = 0.3
"""Seconds by which a result's length may differ from what was asked for."""
ANSWER_SECONDS = 5.0
"""In which the bot accepts a command or does not."""


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the database has it."""

    id: int
    state: str
    told: bool
    billed: str
    reason: str | None
    remote_id: str | None
    prompt: str
    created: float
    changed: float

    @property
    def ended(self) -> bool:
        return self.state in TITLES


def rows_of(database: Database) -> list[Row]:
    """Every task in the database, read apart from the bot; none while it is away."""
    query = 'SELECT id, state, told, billed, reason, remote_id, "order", created_at, changed_at FROM tasks ORDER BY id'
    try:
        found = database.sql(query)
    except (sqlite3.OperationalError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return []
    return [
        Row(number, state, bool(told), billed, reason, remote, json.loads(order)["prompt"], _epoch(made), _epoch(moved))
        for number, state, told, billed, reason, remote, order, made, moved in found
    ]


def _epoch(value: str | datetime) -> float:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC).timestamp()


class Account:
    """What came of all orders. `lines` are the bot's logs, one after the other; `good` the fit clips' seconds."""

    def __init__(
        self, stage: Harness, journal: ChaosLog, orders: Iterable[Order], good: Mapping[str, int], lines: Sequence[str]
    ) -> None:
        self._stage = stage
        self._journal = journal
        self._orders = list(orders)
        self._good = good
        self.lines = list(lines)
        self.violations: list[str] = []
        self.reasons: Counter[str] = Counter()
        """Why tasks are unclear, and why commands were not accepted."""
        self._counts: Counter[str] = Counter()
        self._lengths: dict[str, float] = {}
        self._rows: dict[str, list[Row]] = {}
        self._posts: dict[str, list[Call]] = {}
        self._paid: dict[str, list[str]] = {}

    async def balance(self, folder: Path, *, settled: bool, codes: Iterable[int | None]) -> None:
        """Compare everything with everything. `settled`: all ended in time; `codes`: the processes' at their ends."""
        rows = rows_of(self._stage.database)
        for row in rows:
            self._rows.setdefault(row.prompt, []).append(row)
        for call in self._stage.fox.faults.matching("POST", CREATE):
            self._posts.setdefault(json.loads(call.body)["prompt"], []).append(call)
        for payment in self._stage.fox.payments:
            self._paid.setdefault(json.loads(payment.body)["prompt"], []).append(payment.task_id)
        self._check(settled, "not every task had ended and was told in time")
        self._check(set(codes) == {0}, f"at the end SIGTERM left the bot with the codes {list(codes)}")
        for order in self._orders:
            await self._order(order, folder)
        self._totals(rows)
        self._ends()
        left = sorted(path.name for path in (self._stage.data / "tasks").glob("*"))
        self._check(not left, f"files are left of the tasks {', '.join(left)}")
        self.violations += problems_of(self.lines, self._secrets())

    def _check(self, good: object, violation: str) -> bool:
        if not good:
            self.violations.append(violation)
        return bool(good)

    async def _order(self, order: Order, folder: Path) -> None:
        rows, posts = self._rows.get(order.prompt, []), self._posts.get(order.prompt, [])
        paid = self._paid.get(order.prompt, [])
        name = f"“{order.prompt}”"
        maybe_taken = [call for call in posts if call.status is None or not 400 <= call.status < 500]
        self._check(len(maybe_taken) <= 1, f"{name}: {len(maybe_taken)} requests that may have been taken")
        self._check(len(paid) <= 1, f"{name}: paid {len(paid)} times")
        self._check(len(rows) <= 1, f"{name}: {len(rows)} rows")
        replies = [it for it in order.wish.who.seen.values() if _answers(it, order.interaction)]
        if not rows:
            self._check(not posts, f"{name}: paid for without a row")
            self._not_accepted(order, replies)
            return
        row = rows[0]
        name += f" (task {row.id}, {row.state})"
        self._counts[row.state] += 1
        await self._shown(order, row, name, folder)
        if row.state == "delivered":
            self._check(len(paid) == 1 and row.remote_id == paid[0], f"{name}: FoxAPI has {paid}, not {row.remote_id}")
        elif row.state == "failed":
            self._failed(order, row, name, paid)
        elif row.state == "cancelled":
            self._check(order.pressed, f"{name}: its member never pressed Cancel")
            self._check(row.billed != "no" or not paid, f"{name}: said to cost nothing, and paid")
        elif row.state == "unclear":
            why = self._why_unclear(row, maybe_taken, bool(paid))
            self.reasons[f"unclear: {why or 'unexplained'}"] += 1
            self._check(why, f"{name}: not explained")

    def _not_accepted(self, order: Order, replies: list[Json]) -> None:
        """A command without a row: the bot was not there, or it was ended or cut off in the middle of its answer."""
        calls = [
            call for call in self._stage.discord.faults.calls if f"/interactions/{order.interaction}/" in call.path
        ]
        late = order.asked + ANSWER_SECONDS
        waits = any(reply["loading"] for reply in replies)
        if end := self._journal.gateway_end_between(order.asked, late):
            why = f"{end.how} ended the bot" if not waits or end.how != "SIGTERM" else ""
        elif self._journal.paused_between(order.asked, late, 0):
            why = "the bot stood still"
        elif self._journal.database_away_between(order.asked, late):
            why = "the database was away"
        elif any(call.status is None or call.status >= 500 for call in calls):
            why = "its answer was cut off"
        elif order.offline and not replies:
            why = "the bot was not there yet"
        elif any(order.asked - ANSWER_SECONDS < shaken < late for shaken in self._journal.gateway) and not replies:
            why = "the gateway was shaken"
        else:
            why = ""
        self.reasons[f"not accepted: {why or 'unexplained'}{', and its reply waits for ever' if waits else ''}"] += 1
        self._check(why, f"“{order.prompt}”: not accepted, and {len(replies)} replies")

    async def _shown(self, order: Order, row: Row, name: str, folder: Path) -> None:
        """Exactly one message tells of the task, to whom it may, and it tells the end."""
        who = order.wish.who
        footer = f"Task {row.id}"
        cards = [it for it in who.seen.values() if _footer(it) == footer]
        if not self._check(len(cards) == 1, f"{name}: {len(cards)} messages tell of it"):
            return
        (card,) = cards
        self._check(_answers(card, order.interaction), f"{name}: told elsewhere than in its reply")
        self._check(title_of(card) == TITLES.get(row.state), f"{name}: its reply says {title_of(card)!r}")
        self._check(not card["loading"], f"{name}: its reply still waits")
        others = {self._stage.ana, self._stage.ben, self._stage.mia} - {who}
        for other in others:
            sees = any(_footer(it) == footer for it in other.seen.values())
            self._check(sees is not order.wish.private, f"{name}: another member {'sees' if sees else 'misses'} it")
        files = card["attachments"]
        self._check(len(files) == (row.state == "delivered"), f"{name}: {len(files)} attachments")
        for file in files:
            wanted = self._good.get(order.wish.clip, 0) + order.wish.seconds
            seconds = await self._seconds(await who.fetch(file["url"]), folder)
            self._check(abs(seconds - wanted) < NEAR, f"{name}: {seconds} s instead of {wanted} s")

    async def _seconds(self, film: bytes, folder: Path) -> float:
        """Its length; equal films are measured once."""
        digest = hashlib.sha256(film).hexdigest()
        if digest not in self._lengths:
            self._lengths[digest] = await asyncio.to_thread(seconds_of, film, folder)
        return self._lengths[digest]

    def _failed(self, order: Order, row: Row, name: str, paid: Collection[str]) -> None:
        self._check(row.reason, f"{name}: without a reason")
        self._check(row.billed != "no" or not paid, f"{name}: said to cost nothing, and paid")
        self._check(not paid or order.wish.clip in self._good, f"{name}: a bad clip was paid for")
        for task_id in paid:
            status = self._stage.fox.tasks[task_id].status
            self._check(status in {"failed", "cancelled"}, f"{name}: FoxAPI {status} it")
        if not paid and order.wish.clip in self._good:
            posts = self._posts.get(order.prompt, [])
            refused = bool(posts) and posts[-1].status in {402, 422}
            self.reasons[f"failed: {'refused by FoxAPI' if refused else row.reason}"] += 1
            self._check(refused, f"{name}: nobody refused it: {row.reason}")

    def _why_unclear(self, row: Row, maybe_taken: list[Call], paid: bool) -> str | None:
        """What lost the answer to its paid request."""
        if maybe_taken and maybe_taken[-1].status is None:
            return "the answer was cut off"
        if maybe_taken and maybe_taken[-1].status != 200:
            return "FoxAPI answered 5xx"
        if maybe_taken and not paid:
            return "the answer was unreadable"
        # No answer was lost on its way. A bot that is asked to stop waits for the answer; one that is killed cannot.
        end = self._journal.end_between(maybe_taken[-1].at if maybe_taken else row.created, row.changed)
        when = "before the answer" if maybe_taken else "before the request"
        if end and end.how == "SIGKILL":
            return f"the bot was killed {when}"
        began = maybe_taken[-1].at if maybe_taken else row.created
        return f"the bot stood still {when}" if self._journal.paused_between(began, row.changed) else None

    def _totals(self, rows: list[Row]) -> None:
        accepted, paid = len(rows), len(self._stage.fox.payments)
        ended = sum(self._counts[state] for state in TITLES)
        self._check(accepted == ended, f"{accepted} accepted, but {ended} ended")
        self._check(paid <= accepted, f"{paid} payments for {accepted} tasks")
        unknown = self._posts.keys() - {order.prompt for order in self._orders}
        self._check(not unknown, f"requests that nobody asked for: {sorted(unknown)}")
        self._counts |= Counter(asked=len(self._orders), accepted=accepted, paid=paid)

    def _ends(self) -> None:
        """A stop that was asked for is clean and swift; by itself the bot ends with a sentence only."""
        for end in self._journal.ends:
            took = end.over - end.began
            if end.how == "SIGTERM":
                self._check(end.code in {0, -15}, f"SIGTERM ended the bot with the code {end.code}: {end.last_line}")
                self._check(took < 10.5, f"SIGTERM took {took:.1f} s")
            elif end.how == "by itself":
                sentences = ("Discord cannot be reached", "PostgreSQL at", "PostgreSQL cannot be reached")
                sentence = end.last_line.startswith(sentences)
                self._check(end.code == 1 and sentence, f"the bot ended by itself with {end.code}: {end.last_line}")

    def _secrets(self) -> dict[str, str]:
        tokens = dict.fromkeys(self._stage.discord.interactions._by_token, "an interaction token")
        mine = {self._stage.fox.key: "FOXAPI_KEY", self._stage.discord.world.token: "DISCORD_TOKEN"}
        return {**tokens, **mine, "hm=": "a signed Discord link", "signature=": "a signed FoxAPI link"}

    def table(self) -> str:
        """The books, for people."""
        ends = Counter(end.how for end in self._journal.ends)
        parts: list[tuple[str, Any]] = [
            *((each, self._counts[each]) for each in ("asked", "accepted", *TITLES, "paid")),
            *sorted(self.reasons.items()),
            *((f"ended: {how}", number) for how, number in sorted(ends.items())),
            ("gateway shaken", len(self._journal.gateway)),
            *([("stood still", len(self._journal.pauses))] if self._journal.pauses else []),
            *([("database restarted", len(self._journal.database))] if self._journal.database else []),
            *((f"fault: {what}", number) for what, number in sorted(self._journal.armed.items())),
            ("violations", len(self.violations)),
        ]
        lines = [f"{what:<60} {number:>5}" for what, number in parts]
        return "\n".join([*lines, *(f"VIOLATION {each}" for each in self.violations)])


def _answers(message: Json, interaction: str) -> bool:
    return bool((message.get("interaction_metadata") or {}).get("id") == interaction)


def _footer(message: Json) -> str:
    embeds = message.get("embeds") or [{}]
    return str((embeds[0].get("footer") or {}).get("text", ""))
