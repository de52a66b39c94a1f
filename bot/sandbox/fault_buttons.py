"""The control panel's fault injections. Each button arms a fault that applies once, to the next match."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.sandbox.faults import Action, Answer, Faults, Lose, Rule, Truncate
from bot.sandbox.foxapi import Failure, FoxServer, Quirks

CREATE = r"^/v1/videos/generations$"
RESULT = r"^/results/"
EDIT = r"/webhooks/[^/]+/[^/]+/messages/|/channels/\d+/messages/\d+$"


class HttpFault:
    """Arming it adds a rule to a server's faults."""

    def __init__(self, faults: Faults, method: str, path: str, action: Action) -> None:
        self._faults, self._method, self._path, self._action = faults, method, path, action
        self._rule: Rule | None = None

    def arm(self) -> None:
        """Add the rule unless it is already armed."""
        if not self.is_armed():
            self._rule = self._faults.add(self._method, self._path, self._action)

    def is_armed(self) -> bool:
        """Whether the rule is still waiting for a request."""
        return self._rule is not None and self._faults.is_armed(self._rule)


class NextTaskQuirk:
    """A quirk of FoxAPI's next task; several can be armed at once."""

    def __init__(self, fox: FoxServer, change: Callable[[Quirks], Quirks]) -> None:
        self._fox, self._change = fox, change

    def arm(self) -> None:
        """Add the quirk to those of the next task."""
        self._fox.next_quirks = self._change(self._fox.next_quirks or self._fox.quirks)

    def is_armed(self) -> bool:
        """Whether the quirk is still pending: adding it again would change nothing."""
        waiting = self._fox.next_quirks
        return waiting is not None and self._change(waiting) == waiting


@dataclass(frozen=True, slots=True)
class FaultButton:
    """One button of the panel: its texts and the fault that it arms."""

    id: str
    label: str
    help: str
    fault: HttpFault | NextTaskQuirk


def list_fault_buttons(discord: Faults, fox: FoxServer) -> list[FaultButton]:
    """All fault buttons, in display order."""
    return [*_list_task_buttons(fox), *_list_foxapi_buttons(fox.faults), *_list_discord_buttons(discord)]


def _list_task_buttons(fox: FoxServer) -> list[FaultButton]:
    refused = Failure("content_policy_violation", "The prompt or the video was rejected by the content policy.", at=35)
    broken = Failure("service_error", "The upstream service failed while rendering.", at=60)
    return [
        FaultButton(
            "content-refused",
            "Reject the next task's content",
            "FoxAPI accepts the task, then fails it at 35 % with a content policy error.",
            NextTaskQuirk(fox, lambda quirks: replace(quirks, failure=refused)),
        ),
        FaultButton(
            "service-error",
            "Fail the next task",
            "FoxAPI accepts the task, then fails it at 60 % with a service error.",
            NextTaskQuirk(fox, lambda quirks: replace(quirks, failure=broken)),
        ),
        FaultButton(
            "slow",
            "Render the next task slowly",
            "Rendering takes four times as long.",
            NextTaskQuirk(fox, lambda quirks: replace(quirks, slower=4.0)),
        ),
        FaultButton(
            "withheld",
            "Withhold the next result",
            "The next task reports completion without a link for eight polls, as the real FoxAPI sometimes does.",
            NextTaskQuirk(fox, lambda quirks: replace(quirks, withheld=8)),
        ),
    ]


def _list_foxapi_buttons(faults: Faults) -> list[FaultButton]:
    broke = _make_fox_error("insufficient balance", "insufficient_quota")
    busy = _make_fox_error("rate limit exceeded", "rate_limit_error")
    return [
        FaultButton(
            "answer-lost",
            "Lose the response to the next paid request",
            "FoxAPI accepts and bills the task, but the connection drops before the response arrives.",
            HttpFault(faults, "POST", CREATE, Lose()),
        ),
        FaultButton(
            "no-balance",
            "Reject the next paid request: no balance",
            "FoxAPI responds with 402; nothing is billed.",
            HttpFault(faults, "POST", CREATE, Answer(402, broke)),
        ),
        FaultButton(
            "busy",
            "Rate-limit the next paid request",
            "FoxAPI responds with 429 and asks to retry after 5 seconds; nothing is billed.",
            HttpFault(faults, "POST", CREATE, Answer(429, busy, {"Retry-After": "5"})),
        ),
        FaultButton(
            "truncated",
            "Interrupt the next result download",
            "The connection drops after half of the finished video.",
            HttpFault(faults, "GET", RESULT, Truncate()),
        ),
    ]


def _list_discord_buttons(faults: Faults) -> list[FaultButton]:
    slow_down = json.dumps({"message": "You are being rate limited.", "retry_after": 3.0, "global": False})
    # Without `Via`, discord.py treats a 429 as a ban by the proxy in front of Discord.
    headers = {"Retry-After": "3", "Via": "1.1 google", "X-RateLimit-Scope": "shared"}
    return [
        FaultButton(
            "edit-500",
            "Fail the next message edit",
            "Discord responds to the next message edit with 500.",
            HttpFault(faults, "PATCH", EDIT, Answer(500, '{"message": "500: Internal Server Error", "code": 0}')),
        ),
        FaultButton(
            "edit-429",
            "Rate-limit the next message edit",
            "Discord responds to the next message edit with 429 and asks to retry after 3 seconds.",
            HttpFault(faults, "PATCH", EDIT, Answer(429, slow_down, headers)),
        ),
    ]


def _make_fox_error(message: str, kind: str) -> str:
    return json.dumps({"error": {"message": message, "type": kind}})
