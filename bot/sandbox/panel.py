"""The control panel's API: bot activity as short lines, process control and fault injection."""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any

from aiohttp import web

from bot.sandbox.bot_process import BotProcess
from bot.sandbox.clock import Clock
from bot.sandbox.discord import DiscordServer
from bot.sandbox.fault_buttons import list_fault_buttons
from bot.sandbox.faults import Call
from bot.sandbox.foxapi import FoxServer

MAX_EVENTS = 200
TEXT_LIMIT = 300
MAX_ADVANCE_SECONDS = 30 * 24 * 3600
REST_PREFIX = re.compile(r"^/api/v\d+")
TOKENS = re.compile(r"(/(?:webhooks|interactions)/\d+/)[^/]+")
SIGNED_URL = re.compile(r"(https?://[^\s?\"']+)\?\S+")
TASK = re.compile(r"^/v1/tasks/([^/]+)$")


class Panel:
    """Collects events and serves `/panel`. Secrets and interaction tokens are redacted from events."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self._discord: DiscordServer
        self._fox: FoxServer
        self._bot: BotProcess
        self._secrets: tuple[str, ...] = ()

    def connect(self, discord: DiscordServer, fox: FoxServer, bot: BotProcess) -> None:
        """Set what the panel watches and controls; call this before the first event."""
        self._discord, self._fox, self._bot = discord, fox, bot
        self._secrets = (discord.world.token, fox.key)
        self._fault_buttons = {each.id: each for each in list_fault_buttons(discord.faults, fox)}

    def routes(self) -> list[web.RouteDef]:
        """The panel's routes, for the Discord fake's application."""
        return [
            web.get("/panel/state", self._get_state),
            web.post("/panel/fault", self._arm_fault),
            web.post("/panel/clear", self._clear_faults),
            web.post("/panel/bot", self._control_bot),
            web.post("/panel/time", self._advance_clock),
        ]

    def on_discord_call(self, call: Call) -> None:
        """Handle an answered call to the Discord fake; the bot's REST calls become events."""
        if REST_PREFIX.match(call.path):
            path = TOKENS.sub(r"\1…", REST_PREFIX.sub("", call.path))
            self._add("rest", f"{call.method} {path}{_describe_drop(call)}", call.status)

    def on_fox_call(self, call: Call) -> None:
        """Handle an answered call to the FoxAPI fake."""
        queried = TASK.match(call.path)
        task = self._fox.tasks.get(queried[1]) if queried else None
        detail = f" ({task.status}, {task.progress} %)" if task else ""
        self._add("fox", f"{call.method} {call.path}{detail}{_describe_drop(call)}", call.status)

    def on_log_line(self, line: str) -> None:
        """Handle a line of the bot's log."""
        self._add("log", line)

    def on_bot_change(self) -> None:
        """Handle a start or exit of the bot process."""
        if self._bot.running:
            self._add("bot", "The bot has started.")
        elif self._bot.code:
            self._add("bot", f"The bot exited with code {self._bot.code}. Start it again with the Start button.")
        else:
            self._add("bot", "The bot has stopped.")

    def _add(self, kind: str, text: str, status: int | None = None) -> None:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        text = SIGNED_URL.sub(r"\1?…", text)[:TEXT_LIMIT]
        event = {"kind": kind, "at": self._clock.now(), "text": text, "status": status}
        self._events.append(event)
        self._discord.world.announce({"t": "panel", "d": event})

    def _get_bot_state(self) -> str:
        if not self._bot.running:
            return "stopped"
        return "running" if self._discord.world.online else "starting"

    async def _get_state(self, _: web.Request) -> web.Response:
        faults = [{"id": each.id, "label": each.label, "help": each.help} for each in self._fault_buttons.values()]
        active = [each.id for each in self._fault_buttons.values() if each.fault.is_armed()]
        detail = {"bot": self._get_bot_state(), "events": list(self._events), "faults": faults, "active": active}
        return web.json_response(detail)

    async def _arm_fault(self, request: web.Request) -> web.Response:
        button = self._fault_buttons.get(str((await _read_body(request)).get("id")))
        if button is None:
            raise _make_bad_request("This fault does not exist.")
        button.fault.arm()
        return web.json_response({})

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._discord.faults.clear()
        self._fox.faults.clear()
        self._fox.next_quirks = None
        return web.json_response({})

    async def _control_bot(self, request: web.Request) -> web.Response:
        actions = {"start": self._bot.start, "stop": self._bot.stop, "kill": self._bot.kill}
        action = actions.get(str((await _read_body(request)).get("action")))
        if action is None:
            raise _make_bad_request("The action must be start, stop or kill.")
        await action()
        return web.json_response({"bot": self._get_bot_state()})

    async def _advance_clock(self, request: web.Request) -> web.Response:
        seconds = (await _read_body(request)).get("seconds")
        if not isinstance(seconds, int | float) or not 0 < seconds <= MAX_ADVANCE_SECONDS:
            raise _make_bad_request("The time must be a number of seconds, at most 30 days.")
        self._clock.advance(seconds)
        self._add("bot", f"The sandbox clock was advanced by {seconds:g} seconds.")
        return web.json_response({"now": self._clock.now()})


def _describe_drop(call: Call) -> str:
    return " (connection dropped)" if call.status is None else ""


async def _read_body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise _make_bad_request("The request body is not JSON.") from None
    return body if isinstance(body, dict) else {}


def _make_bad_request(sentence: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"message": sentence}), content_type="application/json")
