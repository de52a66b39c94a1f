"""The ways to break things that the side panel offers: each is armed by a button and spent by the next match."""

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
    """One kind of rule: arming it adds it to a server's faults."""

    def __init__(self, faults: Faults, method: str, path: str, action: Action) -> None:
        self._faults, self._method, self._path, self._action = faults, method, path, action
        self._rule: Rule | None = None

    def arm(self) -> None:
        """Add the rule, unless it is still waiting."""
        if not self.is_armed():
            self._rule = self._faults.add(self._method, self._path, self._action)

    def is_armed(self) -> bool:
        """Whether the rule still waits for its request."""
        return self._rule is not None and self._faults.is_armed(self._rule)


class NextTaskQuirk:
    """A quirk of FoxAPI's next task; several may be armed together."""

    def __init__(self, fox: FoxServer, change: Callable[[Quirks], Quirks]) -> None:
        self._fox, self._change = fox, change

    def arm(self) -> None:
        """Change what befalls the next task."""
        self._fox.next_quirks = self._change(self._fox.next_quirks or self._fox.quirks)

    def is_armed(self) -> bool:
        """Whether no task has come since (changing the waiting quirks again would make no difference)."""
        waiting = self._fox.next_quirks
        return waiting is not None and self._change(waiting) == waiting


@dataclass(frozen=True, slots=True)
class FaultButton:
    """One button of the panel: its words, and what it arms."""

    id: str
    label: str
    help: str
    fault: HttpFault | NextTaskQuirk


def list_fault_buttons(discord: Faults, fox: FoxServer) -> list[FaultButton]:
    """All of them, in the order in which they are shown."""
    return [*_list_task_buttons(fox), *_list_foxapi_buttons(fox.faults), *_list_discord_buttons(discord)]


def _list_task_buttons(fox: FoxServer) -> list[FaultButton]:
    refused = Failure("content_policy_violation", "The prompt or the video was rejected by the content policy.", at=35)
    broken = Failure("service_error", "The upstream service failed while rendering.", at=60)
    return [
        FaultButton(
            "content-refused",
            "Refuse the next task's content",
            "FoxAPI takes the task, then fails it at 35 % for its content policy.",
            NextTaskQuirk(fox, lambda quirks: replace(quirks, failure=refused)),
        ),
        FaultButton(
            "service-error",
            "Fail the next task",
            "FoxAPI takes the task, then fails it at 60 % with a service error.",
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
            "Withhold the next result for a while",
            "The next task is completed without a link for eight queries, as has been seen at FoxAPI.",
            NextTaskQuirk(fox, lambda quirks: replace(quirks, withheld=8)),
        ),
    ]


def _list_foxapi_buttons(faults: Faults) -> list[FaultButton]:
    broke = _fox_error("insufficient balance", "insufficient_quota")
    busy = _fox_error("rate limit exceeded", "rate_limit_error")
    return [
        FaultButton(
            "answer-lost",
            "Lose the next create call's answer",
            "FoxAPI takes (and bills) the task, but the connection breaks before its answer arrives.",
            HttpFault(faults, "POST", CREATE, Lose()),
        ),
        FaultButton(
            "no-balance",
            "Refuse the next create call: no balance",
            "FoxAPI answers 402; nothing is taken.",
            HttpFault(faults, "POST", CREATE, Answer(402, broke)),
        ),
        FaultButton(
            "busy",
            "Answer the next create call with 429",
            "FoxAPI asks to come again in 5 seconds; nothing is taken.",
            HttpFault(faults, "POST", CREATE, Answer(429, busy, {"Retry-After": "5"})),
        ),
        FaultButton(
            "truncated",
            "Break off the next result's download",
            "The connection breaks after half of the finished video.",
            HttpFault(faults, "GET", RESULT, Truncate()),
        ),
    ]


def _list_discord_buttons(faults: Faults) -> list[FaultButton]:
    slow_down = json.dumps({"message": "You are being rate limited.", "retry_after": 3.0, "global": False})
    # Without `Via` discord.py takes a 429 for a ban by the proxy in front of Discord.
    headers = {"Retry-After": "3", "Via": "1.1 google", "X-RateLimit-Scope": "shared"}
    return [
        FaultButton(
            "edit-500",
            "Fail Discord's next edit",
            "Discord answers the next edit of a message with 500.",
            HttpFault(faults, "PATCH", EDIT, Answer(500, '{"message": "500: Internal Server Error", "code": 0}')),
        ),
        FaultButton(
            "edit-429",
            "Rate-limit Discord's next edit",
            "Discord answers the next edit of a message with 429 and asks to wait 3 seconds.",
            HttpFault(faults, "PATCH", EDIT, Answer(429, slow_down, headers)),
        ),
    ]


def _fox_error(message: str, kind: str) -> str:
    return json.dumps({"error": {"message": message, "type": kind}})
