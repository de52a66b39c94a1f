"""Reconciles three independent records of a soak test.

The FoxAPI fake records requests and payments, the members record the messages they see, and the database records what
the bot knows. Every disagreement and everything unexplained is a violation.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.sandbox.discord.state.model import Json
from bot.sandbox.faults import Call
from tests.soak.chaos import ChaosLog
from tests.soak.log import find_problems
from tests.soak.rows import TITLES, Row, read_rows
from tests.support.clips import seconds_of
from tests.support.harness import CREATE, Harness, title_of

if TYPE_CHECKING:
    from tests.soak.__main__ import Submission

LENGTH_TOLERANCE = 0.3
"""Seconds by which a result's length may differ from the requested length."""
RESPONSE_SECONDS = 5.0
"""Seconds within which the bot accepts or refuses a command."""


class Reconciliation:
    """The outcome of all submissions. `lines` are the concatenated logs, `good` the seconds of usable clips."""

    def __init__(
        self,
        stage: Harness,
        log: ChaosLog,
        submissions: Iterable[Submission],
        good: Mapping[str, int],
        lines: Sequence[str],
    ) -> None:
        self._stage = stage
        self._log = log
        self._submissions = list(submissions)
        self._good = good
        self.lines = list(lines)
        self.violations: list[str] = []
        self.reasons: Counter[str] = Counter()
        """Explanations of unclear tasks and of commands that were not accepted."""
        self._counts: Counter[str] = Counter()
        self._lengths: dict[str, float] = {}
        self._rows: dict[str, list[Row]] = {}
        self._posts: dict[str, list[Call]] = {}
        self._paid: dict[str, list[str]] = {}

    async def reconcile(self, folder: Path, *, settled: bool, codes: Iterable[int | None]) -> None:
        """Compare all records. `settled`: every task ended in time; `codes`: the processes' exit codes."""
        rows = read_rows(self._stage.database)
        for row in rows:
            self._rows.setdefault(row.prompt, []).append(row)
        for call in self._stage.fox.faults.matching("POST", CREATE):
            self._posts.setdefault(json.loads(call.body)["prompt"], []).append(call)
        for payment in self._stage.fox.payments:
            self._paid.setdefault(json.loads(payment.body)["prompt"], []).append(payment.task_id)
        self._check(settled, "not every task's outcome was shown in time")
        self._check(set(codes) == {0}, f"the final SIGTERM gave the exit codes {list(codes)}")
        for submission in self._submissions:
            await self._check_submission(submission, folder)
        self._check_totals(rows)
        self._check_ends()
        left = sorted(path.name for path in (self._stage.data / "tasks").glob("*"))
        self._check(not left, f"files of these tasks are left: {', '.join(left)}")
        self.violations += find_problems(self.lines, self._list_secrets())

    def _check(self, good: object, violation: str) -> bool:
        if not good:
            self.violations.append(violation)
        return bool(good)

    async def _check_submission(self, submission: Submission, folder: Path) -> None:
        rows, posts = self._rows.get(submission.prompt, []), self._posts.get(submission.prompt, [])
        paid = self._paid.get(submission.prompt, [])
        name = f"“{submission.prompt}”"
        maybe_taken = [call for call in posts if call.status is None or not 400 <= call.status < 500]
        self._check(len(maybe_taken) <= 1, f"{name}: {len(maybe_taken)} requests that may have been taken")
        self._check(len(paid) <= 1, f"{name}: paid {len(paid)} times")
        self._check(len(rows) <= 1, f"{name}: {len(rows)} rows")
        replies = [it for it in submission.planned.who.seen.values() if _belongs_to(it, submission.interaction)]
        if not rows:
            self._check(not posts, f"{name}: paid for without a row")
            self._explain_unaccepted(submission, replies)
            return
        row = rows[0]
        name += f" (task {row.id}, {row.state})"
        self._counts[row.state] += 1
        await self._check_messages(submission, row, name, folder)
        if row.state == "delivered":
            self._check(len(paid) == 1 and row.remote_id == paid[0], f"{name}: FoxAPI has {paid}, not {row.remote_id}")
        elif row.state == "failed":
            self._check_failed(submission, row, name, paid)
        elif row.state == "cancelled":
            self._check(submission.pressed, f"{name}: its member never pressed Cancel")
            self._check(row.billed != "no" or not paid, f"{name}: said to cost nothing, and paid")
        elif row.state == "unclear":
            why = self._explain_unclear(row, maybe_taken, bool(paid))
            self.reasons[f"unclear: {why or 'unexplained'}"] += 1
            self._check(why, f"{name}: not explained")

    def _explain_unaccepted(self, submission: Submission, replies: list[Json]) -> None:
        """Explain a command without a row: the bot was offline, or was ended or cut off during its response."""
        calls = [
            call for call in self._stage.discord.faults.calls if f"/interactions/{submission.interaction}/" in call.path
        ]
        late = submission.asked + RESPONSE_SECONDS
        waits = any(reply["loading"] for reply in replies)
        if end := self._log.gateway_end_between(submission.asked, late):
            why = f"{end.how} ended the bot" if not waits or end.how != "SIGTERM" else ""
        elif self._log.paused_between(submission.asked, late, 0):
            why = "the bot was paused"
        elif self._log.database_away_between(submission.asked, late):
            why = "the database was unavailable"
        elif any(call.status is None or call.status >= 500 for call in calls):
            why = "its response was cut off"
        elif submission.offline and not replies:
            why = "the bot was offline"
        elif any(submission.asked - RESPONSE_SECONDS < shaken < late for shaken in self._log.gateway) and not replies:
            why = "the gateway was disconnected"
        else:
            why = ""
        self.reasons[f"not accepted: {why or 'unexplained'}{', and its reply waits forever' if waits else ''}"] += 1
        self._check(why, f"“{submission.prompt}”: not accepted, and {len(replies)} replies")

    async def _check_messages(self, submission: Submission, row: Row, name: str, folder: Path) -> None:
        """Check that exactly one message shows the task and its outcome, to the right members."""
        who = submission.planned.who
        footer = f"Task {row.id}"
        cards = [it for it in who.seen.values() if _get_footer(it) == footer]
        if not self._check(len(cards) == 1, f"{name}: {len(cards)} messages show it"):
            return
        (card,) = cards
        self._check(_belongs_to(card, submission.interaction), f"{name}: shown outside its reply")
        self._check(title_of(card) == TITLES.get(row.state), f"{name}: its reply says {title_of(card)!r}")
        self._check(not card["loading"], f"{name}: its reply still waits")
        others = {self._stage.ana, self._stage.ben, self._stage.mia} - {who}
        for other in others:
            sees = any(_get_footer(it) == footer for it in other.seen.values())
            self._check(
                sees is not (submission.planned.private or self._failed_before_payment(submission, row)),
                f"{name}: another member {'sees' if sees else 'does not see'} it",
            )
        files = card["attachments"]
        self._check(len(files) == (row.state == "delivered"), f"{name}: {len(files)} attachments")
        for file in files:
            wanted = self._good.get(submission.planned.clip, 0) + submission.planned.seconds
            seconds = await self._measure_seconds(await who.fetch(file["url"]), folder)
            self._check(abs(seconds - wanted) < LENGTH_TOLERANCE, f"{name}: {seconds} s instead of {wanted} s")

    def _failed_before_payment(self, submission: Submission, row: Row) -> bool:
        """Whether nothing was sent to FoxAPI, so that only the member is told why it failed."""
        return row.state == "failed" and row.billed == "no" and not self._posts.get(submission.prompt)

    async def _measure_seconds(self, film: bytes, folder: Path) -> float:
        """Return the film's length; equal films are measured once."""
        digest = hashlib.sha256(film).hexdigest()
        if digest not in self._lengths:
            self._lengths[digest] = await asyncio.to_thread(seconds_of, film, folder)
        return self._lengths[digest]

    def _check_failed(self, submission: Submission, row: Row, name: str, paid: Collection[str]) -> None:
        self._check(row.reason, f"{name}: without a reason")
        self._check(row.billed != "no" or not paid, f"{name}: said to cost nothing, and paid")
        self._check(not paid or submission.planned.clip in self._good, f"{name}: a bad clip was paid for")
        for task_id in paid:
            status = self._stage.fox.tasks[task_id].status
            self._check(status in {"failed", "cancelled"}, f"{name}: FoxAPI {status} it")
        if not paid and submission.planned.clip in self._good:
            posts = self._posts.get(submission.prompt, [])
            refused = bool(posts) and posts[-1].status in {402, 422}
            self.reasons[f"failed: {'refused by FoxAPI' if refused else row.reason}"] += 1
            self._check(refused, f"{name}: failed without a refusal: {row.reason}")

    def _explain_unclear(self, row: Row, maybe_taken: list[Call], paid: bool) -> str | None:
        """Explain how the response to the paid request was lost; None if nothing explains it."""
        if maybe_taken and maybe_taken[-1].status is None:
            return "the response was cut off"
        if maybe_taken and maybe_taken[-1].status != 200:
            return "FoxAPI answered 5xx"
        if maybe_taken and not paid:
            return "the response was unreadable"
        if maybe_taken and self._log.mute_at(maybe_taken[-1].at):
            return "FoxAPI answered too late"
        # No response was lost in transit. A bot that is stopped waits for the response; a killed one cannot.
        end = self._log.end_between(maybe_taken[-1].at if maybe_taken else row.created, row.changed)
        when = "before the response" if maybe_taken else "before the request"
        if end and end.how == "SIGKILL":
            return f"the bot was killed {when}"
        began = maybe_taken[-1].at if maybe_taken else row.created
        return f"the bot was paused {when}" if self._log.paused_between(began, row.changed) else None

    def _check_totals(self, rows: list[Row]) -> None:
        accepted, paid = len(rows), len(self._stage.fox.payments)
        ended = sum(self._counts[state] for state in TITLES)
        self._check(accepted == ended, f"{accepted} accepted, but {ended} ended")
        self._check(paid <= accepted, f"{paid} payments for {accepted} tasks")
        unknown = self._posts.keys() - {submission.prompt for submission in self._submissions}
        self._check(not unknown, f"requests without a command: {sorted(unknown)}")
        self._counts |= Counter(asked=len(self._submissions), accepted=accepted, paid=paid)

    def _check_ends(self) -> None:
        """Check that requested stops are clean and quick, and that other exits have a one-line explanation."""
        for end in self._log.ends:
            took = end.over - end.began
            if end.how == "SIGTERM":
                self._check(end.code in {0, -15}, f"the bot exited with {end.code} after SIGTERM: {end.last_line}")
                self._check(took < 10.5, f"SIGTERM took {took:.1f} s")
            elif end.how == "by itself":
                sentences = ("Discord cannot be reached", "PostgreSQL at", "PostgreSQL cannot be reached")
                sentence = end.last_line.startswith(sentences)
                self._check(end.code == 1 and sentence, f"the bot exited by itself with {end.code}: {end.last_line}")

    def _list_secrets(self) -> dict[str, str]:
        tokens = dict.fromkeys(self._stage.discord.interactions._by_token, "an interaction token")
        mine = {self._stage.fox.key: "FOXAPI_KEY", self._stage.discord.world.token: "DISCORD_TOKEN"}
        return {**tokens, **mine, "hm=": "a signed Discord link", "signature=": "a signed FoxAPI link"}

    def format_table(self) -> str:
        """Format the reconciliation as a readable table."""
        ends = Counter(end.how for end in self._log.ends)
        parts: list[tuple[str, Any]] = [
            *((each, self._counts[each]) for each in ("asked", "accepted", *TITLES, "paid")),
            *sorted(self.reasons.items()),
            *((f"ended: {how}", number) for how, number in sorted(ends.items())),
            ("gateway disconnected", len(self._log.gateway)),
            *([("paused", len(self._log.pauses))] if self._log.pauses else []),
            ("seconds without an answer of FoxAPI", round(sum(off - on for on, off in self._log.mute))),
            *([("database restarted", len(self._log.database))] if self._log.database else []),
            *((f"fault: {what}", number) for what, number in sorted(self._log.armed.items())),
            ("violations", len(self.violations)),
        ]
        lines = [f"{what:<60} {number:>5}" for what, number in parts]
        return "\n".join([*lines, *(f"VIOLATION {each}" for each in self.violations)])


def _belongs_to(message: Json, interaction: str) -> bool:
    return bool((message.get("interaction_metadata") or {}).get("id") == interaction)


def _get_footer(message: Json) -> str:
    embeds = message.get("embeds") or [{}]
    return str((embeds[0].get("footer") or {}).get("text", ""))
