"""REST: the first response to an interaction (Discord docs, Create Interaction Response)."""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.discord.api.component_schema import check_modal
from bot.sandbox.discord.api.message_schema import INTERACTION, check_message
from bot.sandbox.discord.api.message_writer import check_permissions, fill, is_ephemeral, ping
from bot.sandbox.discord.api.request_body import Form, read_form
from bot.sandbox.discord.api.validation_errors import ValidationErrors
from bot.sandbox.discord.state import serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import json_response, no_content
from bot.sandbox.discord.state.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
    Interaction,
    Interactions,
)
from bot.sandbox.discord.state.model import DEFAULT, EPHEMERAL, LOADING, MENU_REPLY, SLASH_REPLY, Json, Message

MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
"""Callback types."""
_ALLOWED_CALLBACKS = {
    COMMAND: (MESSAGE, DEFER, MODAL),
    COMPONENT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE, MODAL),
    AUTOCOMPLETE: (CHOICES,),
    MODAL_SUBMIT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE),
}


class CallbackRoutes:
    """The callback route, which is authorised by the interaction token in its path."""

    def __init__(self, world: LiveWorld, interactions: Interactions) -> None:
        self._world = world
        self._interactions = interactions

    def routes(self) -> list[web.RouteDef]:
        """The route, for the API's application."""
        return [web.post("/interactions/{interaction_id}/{token}/callback", self._handle_callback)]

    async def _handle_callback(self, request: web.Request) -> web.Response:
        interaction_id, token = request.match_info["interaction_id"], request.match_info["token"]
        interaction = self._interactions.get_answerable(interaction_id, token)
        form = await self._read_form(request, interaction)
        kind, data = form.body["type"], form.body.get("data") or {}
        # Reading an upload takes time: check again whether the deadline has passed or another response came first.
        interaction = self._interactions.get_answerable(interaction_id, token)
        message = self._respond(interaction, kind, data, form)
        self._interactions.record_answer(interaction, kind, data)
        if request.query.get("with_response") not in ("1", "true", "True"):
            return no_content()
        return json_response(self._build_response(interaction, kind, message))

    async def _read_form(self, request: web.Request, interaction: Interaction) -> Form:
        world = self._world
        limit = world.upload_limit(world.channels[interaction.channel_id])
        form = await read_form(request, world.files, world.bot.id, interaction.channel_id, limit)
        errors = ValidationErrors()
        body = errors.check_object((), form.body, ("type", "data"))
        permitted = list(_ALLOWED_CALLBACKS[interaction.kind])
        if interaction.source is None:
            permitted = [each for each in permitted if each not in (DEFER_UPDATE, UPDATE)]
        errors.check_choice(("type",), body.get("type"), permitted)
        self._check(errors, body.get("type"), body.get("data"))
        errors.raise_if_any()
        return form

    def _check(self, errors: ValidationErrors, kind: object, data: object) -> None:
        if kind in (MESSAGE, UPDATE):
            check_message(errors, ("data",), errors.check_object(("data",), data or {}, INTERACTION))
        elif kind == DEFER and data:
            errors.check_object(("data",), data, ("flags",))
        elif kind == MODAL:
            check_modal(errors, ("data",), data)
        elif kind == CHOICES:
            choices = errors.check_object(("data",), data, ("choices",)).get("choices")
            for at, each in enumerate(errors.check_list(("data", "choices"), choices, 25)):
                known = errors.check_object(("data", "choices", at), each, ("name", "value", "name_localizations"))
                errors.check_text(("data", "choices", at, "name"), known.get("name"), 100, low=1)

    def _respond(self, interaction: Interaction, kind: int, data: Json, form: Form) -> Message | None:
        if kind in (MESSAGE, DEFER):
            message = self.start_message(interaction, is_ephemeral(data))
            if kind == MESSAGE:
                self.write(interaction, message, data, form, ("data",))
                ping(self._world, message)
            else:
                message.flags |= LOADING
            interaction.original_id = message.id
            return self._world.create(message)
        if kind in (DEFER_UPDATE, UPDATE) and interaction.source is not None:
            interaction.original_id = interaction.source.id
            interaction.message_ids.add(interaction.source.id)
            if kind == UPDATE:
                self.write(interaction, interaction.source, data, form, ("data",))
                interaction.source.edited = self._world.clock.now()
                self._world.update(interaction.source)
            return interaction.source
        if kind == MODAL:
            interaction.modal = data
            shown = {"interaction_id": interaction.id, **data}
            self._world.announce({"t": "modal", "d": shown}, {interaction.user_id})
        return None

    def start_message(self, interaction: Interaction, private: bool, kind: int | None = None) -> Message:
        """A new response message, not yet posted."""
        if kind is None:
            kind = {None: DEFAULT, 1: SLASH_REPLY}.get(interaction.command_type, MENU_REPLY)
        message = self._world.new_message(interaction.channel_id, self._world.bot.id, kind)
        message.webhook_token = interaction.token
        message.interaction = self._interactions.build_metadata(interaction)
        if private:
            message.flags |= EPHEMERAL
            message.owner_id = interaction.user_id
        interaction.message_ids.add(message.id)
        return message

    def write(
        self, interaction: Interaction, message: Message, data: Json, form: Form, path: tuple[str, ...] = ()
    ) -> None:
        """Apply `data` to a message of this interaction, within the bot's permissions in the channel."""
        channel = self._world.channels[interaction.channel_id]
        check_permissions(self._world, channel, data, form.files, by_interaction=True)
        fill(self._world, message, data, form.files, path)

    def _build_response(self, interaction: Interaction, kind: int, message: Message | None) -> Json:
        about: Json = {"id": interaction.id, "type": interaction.kind}
        out: Json = {"interaction": about}
        if message is not None:
            about["response_message_id"] = message.id
            about["response_message_loading"] = message.loading
            about["response_message_ephemeral"] = message.owner_id is not None
            out["resource"] = {"type": kind, "message": serialize.message(self._world, message)}
        return out
