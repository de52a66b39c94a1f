"""The side panel's half of the server: what the bot does, as short lines, and the levers that break things."""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any

from aiohttp import web

from bot.sandbox.bot_process import BotProcess
from bot.sandbox.clock import Clock
from bot.sandbox.discord import DiscordServer
from bot.sandbox.fault_buttons import fault_buttons
from bot.sandbox.faults import Call
from bot.sandbox.foxapi import FoxServer

KEPT = 200
TEXT_LIMIT = 300
LONGEST_LEAP = 30 * 24 * 3600
REST_PREFIX = re.compile(r"^/api/v\d+")
TOKENS = re.compile(r"(/(?:webhooks|interactions)/\d+/)[^/]+")
SIGNED = re.compile(r"(https?://[^\s?\"']+)\?\S+")
TASK = re.compile(r"^/v1/tasks/([^/]+)$")


class Panel:
    """Collects events and serves `/panel`; secrets and interaction tokens never get into an event."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._discord: DiscordServer
        self._fox: FoxServer
        self._bot: BotProcess
        self._secrets: tuple[str, ...] = ()

    def connect(self, discord: DiscordServer, fox: FoxServer, bot: BotProcess) -> None:
        """Say whom it watches and what its levers move; needed before anything happens."""
        self._discord, self._fox, self._bot = discord, fox, bot
        self._secrets = (discord.world.token, fox.key)
        self._breakages = {each.id: each for each in fault_buttons(discord.faults, fox)}

    def routes(self) -> list[web.RouteDef]:
        """What the stand-in Discord's app serves for the panel."""
        return [
            web.get("/panel/state", self._state),
            web.post("/panel/fault", self._arm),
            web.post("/panel/clear", self._clear),
            web.post("/panel/bot", self._steer),
            web.post("/panel/time", self._leap),
        ]

    def on_discord_call(self, call: Call) -> None:
        """A call to the stand-in Discord was answered; the bot's REST calls become events."""
        if REST_PREFIX.match(call.path):
            path = TOKENS.sub(r"\1…", REST_PREFIX.sub("", call.path))
            self._add("rest", f"{call.method} {path}{_ending(call)}", call.status)

    def on_fox_call(self, call: Call) -> None:
        """A call to the stand-in FoxAPI was answered."""
        asked = TASK.match(call.path)
        task = self._fox.tasks.get(asked[1]) if asked else None
        told = f" ({task.status}, {task.progress} %)" if task else ""
        self._add("fox", f"{call.method} {call.path}{told}{_ending(call)}", call.status)

    def on_log_line(self, line: str) -> None:
        """The bot wrote a line."""
        self._add("log", line)

    def on_bot_change(self) -> None:
        """The bot's process began or ended."""
        if self._bot.running:
            self._add("bot", "The bot was started.")
        elif self._bot.code:
            self._add("bot", f"The bot ended with code {self._bot.code}; start it again with the button.")
        else:
            self._add("bot", "The bot has stopped.")

    def _add(self, kind: str, text: str, status: int | None = None) -> None:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        text = SIGNED.sub(r"\1?…", text)[:TEXT_LIMIT]
        event = {"kind": kind, "at": self._clock.now(), "text": text, "status": status}
        self._events.append(event)
        self._discord.world.announce({"t": "panel", "d": event})

    def _bot_state(self) -> str:
        if not self._bot.running:
            return "stopped"
        return "running" if self._discord.world.online else "starting"

    async def _state(self, _: web.Request) -> web.Response:
        faults = [{"id": each.id, "label": each.label, "help": each.help} for each in self._breakages.values()]
        active = [each.id for each in self._breakages.values() if each.what.armed()]
        told = {"bot": self._bot_state(), "events": list(self._events), "faults": faults, "active": active}
        return web.json_response(told)

    async def _arm(self, request: web.Request) -> web.Response:
        button = self._breakages.get(str((await _body(request)).get("id")))
        if button is None:
            raise _problem("There is no such fault.")
        button.what.arm()
        return web.json_response({})

    async def _clear(self, _: web.Request) -> web.Response:
        self._discord.faults.clear()
        self._fox.faults.clear()
        self._fox.next_quirks = None
        return web.json_response({})

    async def _steer(self, request: web.Request) -> web.Response:
        actions = {"start": self._bot.start, "stop": self._bot.stop, "kill": self._bot.kill}
        action = actions.get(str((await _body(request)).get("action")))
        if action is None:
            raise _problem("The bot can be told to start, stop or kill.")
        await action()
        return web.json_response({"bot": self._bot_state()})

    async def _leap(self, request: web.Request) -> web.Response:
        seconds = (await _body(request)).get("seconds")
        if not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_LEAP:
            raise _problem("Time can be moved on by up to 30 days, given in seconds.")
        self._clock.advance(seconds)
        self._add("bot", f"The stand-ins' time was moved on by {seconds:g} seconds.")
        return web.json_response({"now": self._clock.now()})


def _ending(call: Call) -> str:
    return " (connection dropped)" if call.status is None else ""


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise _problem("The request's body is not JSON.") from None
    return body if isinstance(body, dict) else {}


def _problem(sentence: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"message": sentence}), content_type="application/json")
