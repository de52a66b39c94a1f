"""REST: what an interaction token allows after the first response (Discord docs, Followup Messages)."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.api.interaction_callbacks import CallbackRoutes
from bot.sandbox.discord.api.message_schema import EDIT, INTERACTION, parse_message
from bot.sandbox.discord.api.message_writer import is_ephemeral, ping
from bot.sandbox.discord.api.request_body import Form, read_form
from bot.sandbox.discord.state import serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import json_response, no_content, unknown
from bot.sandbox.discord.state.interactions import Interaction, Interactions
from bot.sandbox.discord.state.model import REPLY, Message


class WebhookRoutes:
    """Followups, and reading, editing and deleting the messages written with the token."""

    def __init__(self, world: LiveWorld, interactions: Interactions, callbacks: CallbackRoutes) -> None:
        self._world = world
        self._interactions = interactions
        self._callbacks = callbacks

    def routes(self) -> list[web.RouteDef]:
        """The routes, for the API's application."""
        base = "/webhooks/{application_id}/{token}"
        one = base + "/messages/{message_id}"
        return [
            web.post(base, self._create_followup),
            web.get(one, self._get),
            web.patch(one, self._edit),
            web.delete(one, self._delete),
        ]

    def _get_interaction(self, request: web.Request) -> Interaction:
        found = self._interactions.get_by_token(request.match_info["application_id"], request.match_info["token"])
        if found.channel_id not in self._world.channels:
            raise unknown("Channel")
        return found

    def _get_message(self, request: web.Request, interaction: Interaction) -> Message:
        message_id = request.match_info["message_id"]
        if message_id == "@original":
            message_id = interaction.original_id or ""
        found = self._world.find_message(interaction.channel_id, message_id)
        mine = interaction.message_ids | ({interaction.source.id} if interaction.source else set())
        if found is None or found.id not in mine:
            raise unknown("Message")
        return found

    async def _read_form(self, request: web.Request, interaction: Interaction, names: frozenset[str]) -> Form:
        world = self._world
        limit = world.upload_limit(world.channels[interaction.channel_id])
        form = await read_form(request, world.files, world.bot.id, interaction.channel_id, limit)
        form.body = parse_message(form.body, names)
        return form

    async def _create_followup(self, request: web.Request) -> web.Response:
        interaction = self._get_interaction(request)
        form = await self._read_form(request, interaction, INTERACTION)
        world = self._world
        waiting = world.find_message(interaction.channel_id, interaction.original_id or "")
        if waiting is not None and waiting.loading:
            # The first followup after a deferral replaces "is thinking…" and keeps its visibility.
            self._callbacks.write(interaction, waiting, form.body, form)
            return json_response(serialize.message(world, world.update(waiting)))
        message = self._callbacks.start_message(interaction, is_ephemeral(form.body), REPLY if waiting else None)
        if waiting is not None:
            channel = world.channels[interaction.channel_id]
            message.reference = {"type": 0, "message_id": waiting.id, "channel_id": channel.id}
            if channel.guild_id:
                message.reference["guild_id"] = channel.guild_id
        self._callbacks.write(interaction, message, form.body, form)
        ping(world, message)
        return json_response(serialize.message(world, world.create(message)))

    async def _get(self, request: web.Request) -> web.Response:
        return json_response(serialize.message(self._world, self._get_message(request, self._get_interaction(request))))

    async def _edit(self, request: web.Request) -> web.Response:
        interaction = self._get_interaction(request)
        message = self._get_message(request, interaction)
        form = await self._read_form(request, interaction, EDIT | {"poll"})
        waiting = message.loading
        self._callbacks.write(interaction, message, form.body, form)
        if not waiting:
            message.edited = self._world.clock.now()
        return json_response(serialize.message(self._world, self._world.update(message)))

    async def _delete(self, request: web.Request) -> web.Response:
        self._world.remove(self._get_message(request, self._get_interaction(request)))
        return no_content()
