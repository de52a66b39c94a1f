"""The page's API: members' interactions with the bot. `raw=1` skips the checks of Discord's client."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.sandbox.discord.api.command_schema import CHANNEL, MENTIONABLE, MESSAGE_MENU, ROLE, SLASH, USER
from bot.sandbox.discord.api.component_schema import iterate_inputs
from bot.sandbox.discord.api.request_body import read_record
from bot.sandbox.discord.page_api.command_options import check_options, get_full_name, resolve_entity, resolve_options
from bot.sandbox.discord.page_api.content import get_channel, get_message
from bot.sandbox.discord.page_api.live import get_acting_user, is_usable_in
from bot.sandbox.discord.page_api.modal_submit import build_submission
from bot.sandbox.discord.state import permissions, serialize
from bot.sandbox.discord.state.changes import LiveWorld, list_commands_for
from bot.sandbox.discord.state.errors import DiscordError, json_response
from bot.sandbox.discord.state.interactions import (
    ANSWER_SECONDS,
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
    NO_ANSWER,
    Interaction,
    Interactions,
)
from bot.sandbox.discord.state.model import Channel, Json, User

_ENTITY_OF_SELECT = {5: USER, 6: ROLE, 7: MENTIONABLE, 8: CHANNEL}


class ActionRoutes:
    """Routes for commands, components, modals and autocomplete."""

    def __init__(self, world: LiveWorld, interactions: Interactions) -> None:
        self._world = world
        self._interactions = interactions

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the server's application."""
        return [
            web.post("/client/command", self._use_command),
            web.post("/client/component", self._use_component),
            web.post("/client/modal", self._submit_modal),
            web.post("/client/autocomplete", self._autocomplete),
        ]

    async def _use_command(self, request: web.Request) -> web.Response:
        world, me = self._world, get_acting_user(self._world, request)
        body, raw = await read_record(request), _is_raw(request)
        channel = get_channel(world, me, body.get("channel_id"))
        command = self._find_command(me, channel, body, raw)
        data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        given = body.get("options") or []
        if command["type"] == SLASH:
            if not raw:
                check_options(command.get("options") or [], given)
            data["options"], resolved = resolve_options(world, me, channel, given)
            if resolved:
                data["resolved"] = resolved
        elif command["type"] == MESSAGE_MENU:
            target = get_message(world, me, channel.id, body.get("target_id"))
            data |= {"target_id": target.id, "resolved": {"messages": {target.id: serialize.message(world, target)}}}
        else:
            raise DiscordError(400, 0, "User commands are not supported.")
        name = get_full_name(command, given)
        kind = command["type"]
        return _reply_with_id(self._interactions.begin(COMMAND, me.id, channel, data, name=name, command_type=kind))

    def _find_command(self, me: User, channel: Channel, body: Json, raw: bool) -> Json:
        world = self._world
        known = [each for stored in world.commands.values() for each in stored.values()]
        offered = known if raw else list_commands_for(world, me.id)
        command = next((each for each in offered if each["id"] == str(body.get("command_id"))), None)
        if command is None:
            raise DiscordError(404, 0, "This command does not exist.")
        if not raw and not is_usable_in(command, channel):
            raise DiscordError(400, 0, "This command cannot be used here.")
        if not raw and not world.permissions_in(me.id, channel) & permissions.USE_APPLICATION_COMMANDS:
            raise DiscordError(403, 0, "You do not have permission to use commands here.")
        return command

    async def _use_component(self, request: web.Request) -> web.Response:
        world, me = self._world, get_acting_user(self._world, request)
        body, raw = await read_record(request), _is_raw(request)
        message = get_message(world, me, body.get("channel_id"), body.get("message_id"))
        channel = world.channels[message.channel_id]
        kind, values = body.get("component_type"), body.get("values")
        if not raw:
            known = {each.get("custom_id"): each for each in iterate_inputs(message.components)}
            _check_component(known.get(body.get("custom_id")), kind, values)
        data: Json = {"custom_id": body.get("custom_id"), "component_type": kind}
        if values is not None:
            data["values"] = values
            found: Json = {}
            wanted = _ENTITY_OF_SELECT.get(kind or 0)
            for value in values if wanted else []:
                resolve_entity(world, me, channel, wanted, value, found)
            if found:
                data["resolved"] = found
        return _reply_with_id(self._interactions.begin(COMPONENT, me.id, channel, data, source=message))

    async def _submit_modal(self, request: web.Request) -> web.Response:
        world, me = self._world, get_acting_user(self._world, request)
        body, raw = await read_record(request), _is_raw(request)
        opener = self._interactions.get(str(body.get("interaction_id")))
        if opener is None or opener.user_id != me.id or opener.modal is None:
            raise DiscordError(404, 0, "This form is no longer open.")
        channel = get_channel(world, me, opener.channel_id)
        if not raw and body.get("custom_id") != opener.modal["custom_id"]:
            raise DiscordError(400, 0, "The form's custom_id does not match.")
        data = {"custom_id": body.get("custom_id")}
        data |= build_submission(world, me, channel, opener.modal["components"], body.get("components"), raw)
        opener.modal = None
        made = self._interactions.begin(
            MODAL_SUBMIT,
            me.id,
            channel,
            data,
            name=opener.name,
            source=opener.source,
            command_type=opener.command_type,
        )
        return _reply_with_id(made)

    async def _autocomplete(self, request: web.Request) -> web.Response:
        world, me = self._world, get_acting_user(self._world, request)
        body = await read_record(request)
        channel = get_channel(world, me, body.get("channel_id"))
        command = self._find_command(me, channel, body, _is_raw(request))
        given = body.get("options") or []
        if not _is_raw(request):
            check_options(command.get("options") or [], given, autocomplete=True)
        data: Json = {"id": command["id"], "name": command["name"], "type": command["type"], "options": given}
        made = self._interactions.begin(AUTOCOMPLETE, me.id, channel, data)
        try:
            answer = await asyncio.wait_for(made.answer, ANSWER_SECONDS)
        except TimeoutError:
            raise DiscordError(408, 0, NO_ANSWER) from None
        return json_response({"choices": answer.get("choices") or []})


def _is_raw(request: web.Request) -> bool:
    return request.query.get("raw") in ("1", "true")


def _reply_with_id(interaction: Interaction) -> web.Response:
    return json_response({"interaction_id": interaction.id})


def _check_component(component: Json | None, kind: object, values: object) -> None:
    """Raise an error if the component is missing or disabled, or if the values do not fit it."""
    if component is None or component["type"] != kind:
        raise DiscordError(404, 0, "The message does not have this component.")
    if component.get("disabled"):
        raise DiscordError(400, 0, "This component is disabled.")
    if kind == 2:
        return
    if not isinstance(values, list):
        raise DiscordError(400, 0, "Send the select's values as a list.")
    if not component.get("min_values", 1) <= len(values) <= component.get("max_values", 1):
        raise DiscordError(400, 0, "Choose the number of options that the select allows.")
    if kind == 3 and not set(values) <= {each["value"] for each in component["options"]}:
        raise DiscordError(400, 0, "The select does not have this option.")
