"""A scripted member, who uses the page's API like the chat page does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import aiohttp

from bot.sandbox.discord.state.model import Json

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_MENU, _SUBCOMMAND, _GROUP = 3, 1, 2


class PageRefused(Exception):
    """The page's API rejected a request; has its `status` and `message`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


class Member:
    """A member who acts over HTTP and receives events over the live socket; an async context manager.

    `seen` has the latest state of every message received, by id; `events` has every event in order.
    """

    def __init__(self, url: str, user_id: str) -> None:
        self.url, self.id = url, user_id
        self.seen: dict[str, Json] = {}
        self.events: list[Json] = []
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Member:
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT)
        self._socket = await self._http.ws_connect(f"{self.url}/client/live?user={self.id}")
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        await self._socket.close()
        await self._http.close()

    async def _listen(self) -> None:
        async for message in self._socket:
            event: Json = message.json()
            async with self._news:
                self.events.append(event)
                if event["t"] == "message":
                    self.seen[event["d"]["id"]] = event["d"]
                elif event["t"] == "message_delete":
                    self.seen.pop(event["d"]["id"], None)
                self._news.notify_all()

    async def wait_message(self, predicate: Callable[[Json], bool], timeout: float = 25.0) -> Json:
        """Wait for a message whose current state satisfies `predicate`; raises TimeoutError."""
        async with asyncio.timeout(timeout), self._news:
            while True:
                for message in list(self.seen.values()):
                    if predicate(message):
                        return message
                await self._news.wait()

    async def wait_event(self, kind: str, predicate: Callable[[Json], bool] = bool, timeout: float = 25.0) -> Json:
        """Wait for an event of that kind that satisfies `predicate`, past events included; returns its data."""
        async with asyncio.timeout(timeout), self._news:
            while True:
                for event in self.events:
                    if event["t"] == kind and predicate(event["d"]):
                        return dict(event["d"])
                await self._news.wait()

    async def _post(self, path: str, body: Json, raw: bool = False) -> Json:
        query = {"user": self.id} | ({"raw": "1"} if raw else {})
        async with self._http.post(f"{self.url}/client/{path}", params=query, json=body) as response:
            return await self._read_response(response)

    async def _read_response(self, response: aiohttp.ClientResponse) -> Json:
        data: Json = await response.json() if response.status != 204 else {}
        if response.status >= 400:
            raise PageRefused(response.status, data["message"])
        return data

    async def state(self, *, raw: bool = False) -> Json:
        """The page's state (/client/state); with `raw`, including commands that are not offered to this member."""
        query = {"user": self.id} | ({"raw": "1"} if raw else {})
        async with self._http.get(f"{self.url}/client/state", params=query) as response:
            return await self._read_response(response)

    async def channel(self, name: str) -> str:
        """The id of the visible server channel with that name; raises KeyError."""
        channels = (await self.state())["channels"]
        return str({each["name"]: each["id"] for each in channels if not each["dm"]}[name])

    async def messages(self, channel: str) -> list[Json]:
        """The visible messages of a channel (name or id), newest last."""
        state = await self.state()
        by_name = {each["name"]: each["id"] for each in state["channels"]}
        return list(state["messages"][by_name.get(channel, channel)])

    async def upload(self, data: bytes | Path, filename: str | None = None) -> str:
        """Upload a file for a message or a command; returns its id."""
        content = await asyncio.to_thread(data.read_bytes) if isinstance(data, Path) else data
        name = filename or (data.name if isinstance(data, Path) else "file")
        form = aiohttp.FormData()
        form.add_field("file", io.BytesIO(content), filename=name, content_type="application/octet-stream")
        async with self._http.post(f"{self.url}/client/upload", params={"user": self.id}, data=form) as response:
            return str((await self._read_response(response))["id"])

    async def say(self, channel_id: str, content: str = "", uploads: list[str] | None = None) -> Json:
        """Post a message; returns it as the page shows it."""
        body = {"channel_id": channel_id, "content": content, "attachment_ids": uploads or []}
        return await self._post("message", body)

    async def forward(self, message: Json, channel_id: str) -> Json:
        """Forward a message to a channel."""
        source = {"channel_id": message["channel_id"], "message_id": message["id"]}
        return await self._post("message", {"channel_id": channel_id, "forward": source})

    async def command(self, name: str, channel_id: str, /, *, raw: bool = False, **options: object) -> str:
        """Use a slash command ("limits set": a subcommand); attachments are upload ids. Returns its interaction id."""
        command, path = await self._find(name, raw=raw)
        given = _build_options(command, path, options)
        body = {"channel_id": channel_id, "command_id": command["id"], "type": 1, "options": given}
        return str((await self._post("command", body, raw))["interaction_id"])

    async def menu(self, name: str, message: Json, *, raw: bool = False) -> str:
        """Use a message command; returns the interaction's id."""
        command, _ = await self._find(name, _MENU, raw=raw)
        body = {"channel_id": message["channel_id"], "command_id": command["id"], "type": _MENU}
        return str((await self._post("command", body | {"target_id": message["id"]}, raw))["interaction_id"])

    async def autocomplete(self, name: str, channel_id: str, focused: str, /, **options: object) -> list[Json]:
        """The autocomplete choices for the option `focused`."""
        command, path = await self._find(name)
        given = _build_options(command, path, options)
        for each in _get_innermost(given, path):
            if each["name"] == focused:
                each["focused"] = True
        body = {"channel_id": channel_id, "command_id": command["id"], "options": given}
        return list((await self._post("autocomplete", body))["choices"])

    async def press(self, message: Json, button: str, *, raw: bool = False) -> str:
        """Press a button by label or custom_id; returns the interaction's id. `raw` also presses a missing one."""
        rows = [each for row in message["components"] for each in row["components"]]
        found = [each for each in rows if button in (each.get("label"), each.get("custom_id"))]
        if not found and not raw:
            raise KeyError(button)
        custom_id = found[0]["custom_id"] if found else button
        return await self._use_component(message, {"custom_id": custom_id, "component_type": 2}, raw)

    async def choose(self, message: Json, custom_id: str, values: list[str], kind: int = 3, raw: bool = False) -> str:
        """Choose in a select (component type `kind`); returns the interaction's id."""
        return await self._use_component(
            message, {"custom_id": custom_id, "component_type": kind, "values": values}, raw
        )

    async def _use_component(self, message: Json, body: Json, raw: bool) -> str:
        body |= {"channel_id": message["channel_id"], "message_id": message["id"]}
        return str((await self._post("component", body, raw))["interaction_id"])

    async def modal(self, interaction_id: str, timeout: float = 25.0) -> Json:
        """Wait for the modal that an interaction opens."""
        return await self.wait_event("modal", lambda it: it["interaction_id"] == interaction_id, timeout)

    async def submit_modal(self, modal: Json, values: Json, *, raw: bool = False) -> str:
        """Submit a modal: values by custom_id, lists for selects and file uploads (upload ids); the rest as it is."""
        tree = [_fill_component(each, values) for each in modal["components"]]
        body = {"interaction_id": modal["interaction_id"], "custom_id": modal["custom_id"], "components": tree}
        return str((await self._post("modal", body, raw))["interaction_id"])

    async def react(self, message: Json, emoji: str, remove: bool = False) -> None:
        """Add or remove a reaction."""
        body = {"channel_id": message["channel_id"], "message_id": message["id"], "emoji": emoji, "remove": remove}
        await self._post("reaction", body)

    async def fetch(self, url: str) -> bytes:
        """Download a file; raises PageRefused if the CDN rejects it."""
        async with self._http.get(url) as response:
            if response.status >= 400:
                raise PageRefused(response.status, await response.text())
            return await response.read()

    async def _find(self, name: str, kind: int = 1, *, raw: bool = False) -> tuple[Json, list[str]]:
        commands = (await self.state(raw=raw))["commands"]
        first, *rest = name.split() if kind == 1 else [name]
        for command in commands:
            if (command["name"], command["type"]) == (first, kind):
                return command, rest
        raise KeyError(name)


def _build_options(command: Json, path: list[str], values: Json) -> list[Json]:
    """The option tree, with each value's type from the command's definition (unknown names: text)."""
    defined = {each["name"]: each for each in command.get("options") or []}
    if path:
        inner = defined[path[0]]
        return [{"name": path[0], "type": inner["type"], "options": _build_options(inner, path[1:], values)}]
    return [
        {"name": name, "type": defined.get(name, {"type": 3})["type"], "value": value}
        for name, value in values.items()
        if value is not None
    ]


def _get_innermost(given: list[Json], path: list[str]) -> list[Json]:
    for _ in path:
        given = given[0]["options"]
    return given


def _get_default(component: Json) -> Json:
    """What a member submits who leaves this component as it is."""
    chosen = [each["value"] for each in component.get("options") or [] if each.get("default")]
    match component["type"]:
        case 4:
            return {"value": component.get("value") or ""}
        case 21:
            return {"value": chosen[0] if chosen else None}
        case 23:
            return {"value": bool(component.get("default"))}
        case 3 | 19:
            return {"values": chosen}
    return {}


def _fill_component(component: Json, values: Json) -> Json:
    out = {name: component[name] for name in ("type", "id", "custom_id") if name in component}
    if "component" in component:
        return out | {"component": _fill_component(component["component"], values)}
    if "components" in component:
        return out | {"components": [_fill_component(each, values) for each in component["components"]]}
    value = values.get(component.get("custom_id", ""))
    if value is None:
        return out | _get_default(component)
    return out | ({"values": value} if isinstance(value, list) else {"value": value})
