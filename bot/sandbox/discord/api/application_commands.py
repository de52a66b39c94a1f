"""REST: registering application commands (Discord docs, Application Commands, Endpoints)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.sandbox.discord.api.auth import require_bot_token
from bot.sandbox.discord.api.command_schema import build_command, check_command, parse_command
from bot.sandbox.discord.api.request_body import read_json, read_record
from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.sandbox.discord.state.changes import LiveWorld, announce_commands
from bot.sandbox.discord.state.errors import json_response, missing_access, no_content, unknown
from bot.sandbox.discord.state.model import Json

_MAX_COMMANDS = {1: 100, 2: 15, 3: 15}
"""Maximum number of commands by type."""


class ApplicationRoutes:
    """Global commands, and those of one server."""

    def __init__(self, world: LiveWorld) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the API's application."""
        out = []
        for base in (
            "/applications/{application_id}/commands",
            "/applications/{application_id}/guilds/{guild_id}/commands",
        ):
            one = base + "/{command_id}"
            out += [
                web.get(base, require_bot_token(self._world, self._list)),
                web.put(base, require_bot_token(self._world, self._replace)),
                web.post(base, require_bot_token(self._world, self._create)),
                web.get(one, require_bot_token(self._world, self._get)),
                web.patch(one, require_bot_token(self._world, self._edit)),
                web.delete(one, require_bot_token(self._world, self._delete)),
            ]
        return out

    def _get_guild_id(self, request: web.Request) -> str | None:
        guild_id = request.match_info.get("guild_id")
        guild = self._world.guilds.get(guild_id or "")
        if request.match_info["application_id"] != self._world.application_id:
            raise missing_access()
        if guild_id is not None and (guild is None or self._world.bot.id not in guild.members):
            raise missing_access()
        return guild_id

    def _get_commands(self, request: web.Request) -> dict[str, Json]:
        return self._world.commands.setdefault(self._get_guild_id(request), {})

    async def _list(self, request: web.Request) -> web.Response:
        return json_response(list(self._get_commands(request).values()))

    async def _replace(self, request: web.Request) -> web.Response:
        stored = self._get_commands(request)
        body = await read_json(request)
        errors = ValidationErrors()
        forms: list[Any] = errors.check_list((), body, sum(_MAX_COMMANDS.values()))
        seen: set[tuple[Any, Any]] = set()
        for at, form in enumerate(forms):
            check_command(errors, (at,), form)
            key = (form.get("type", 1), form.get("name")) if isinstance(form, dict) else (0, at)
            if key in seen:
                errors.add((at,), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
            seen.add(key)
        for kind, most in _MAX_COMMANDS.items():
            if sum(each[0] == kind for each in seen) > most:
                errors.add((), "MAX_APPLICATION_COMMANDS", f"At most {most} commands of type {kind}")
        errors.raise_if_any()
        before = {(each["type"], each["name"]): each["id"] for each in stored.values()}
        stored.clear()
        for form in forms:
            self._store(request, form, before.get((form.get("type", 1), form["name"])))
        announce_commands(self._world)
        return json_response(list(stored.values()))

    def _store(self, request: web.Request, form: Json, command_id: str | None) -> Json:
        ids = self._world.ids
        command = build_command(
            form, command_id or ids.next(), self._world.application_id, self._get_guild_id(request), ids.next()
        )
        self._get_commands(request)[command["id"]] = command
        return command

    async def _create(self, request: web.Request) -> web.Response:
        form = parse_command(await read_json(request))
        same = [
            each["id"]
            for each in self._get_commands(request).values()
            if (each["type"], each["name"]) == (form.get("type", 1), form["name"])
        ]
        command = self._store(request, form, same[0] if same else None)
        announce_commands(self._world)
        return json_response(command, 200 if same else 201)

    async def _edit(self, request: web.Request) -> web.Response:
        old = self._find_command(request)
        form = parse_command(_copy_editable_fields(old) | await read_record(request) | {"type": old["type"]})
        command = self._store(request, form, old["id"])
        announce_commands(self._world)
        return json_response(command)

    async def _get(self, request: web.Request) -> web.Response:
        return json_response(self._find_command(request))

    async def _delete(self, request: web.Request) -> web.Response:
        del self._get_commands(request)[self._find_command(request)["id"]]
        announce_commands(self._world)
        return no_content()

    def _find_command(self, request: web.Request) -> Json:
        command = self._get_commands(request).get(request.match_info["command_id"])
        if command is None:
            raise unknown("Application Command")
        return command


def _copy_editable_fields(old: Json) -> Json:
    """The fields that an edit keeps unless it sets them."""
    kept = ("name", "description", "options", "default_member_permissions", "contexts", "integration_types", "nsfw")
    return {name: old[name] for name in kept if name in old}
