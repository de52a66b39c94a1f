"""Checks a submitted modal against its definition, as Discord's client does, and resolves it."""

from __future__ import annotations

from bot.sandbox.discord.api.command_schema import CHANNEL, MENTIONABLE, ROLE, USER
from bot.sandbox.discord.api.component_schema import CHECKBOX, FILE_UPLOAD, TEXT_INPUT, iterate_inputs
from bot.sandbox.discord.page_api.command_options import attach_upload, resolve_entity
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import DiscordError
from bot.sandbox.discord.state.model import Channel, Json
from bot.sandbox.discord.state.model import User as Member

_ENTITIES = {5: USER, 6: ROLE, 7: MENTIONABLE, 8: CHANNEL}


def build_submission(
    world: LiveWorld, me: Member, channel: Channel, defined: list[Json], given: object, raw: bool
) -> Json:
    """The `components` (and `resolved`) of a modal submission; raises an error with a sentence if it is invalid."""
    if not isinstance(given, list):
        raise DiscordError(400, 0, "Send the form's components as a list.")
    try:
        fields = {each["custom_id"]: each for each in iterate_inputs(given)}
    except (KeyError, TypeError):
        raise DiscordError(400, 0, "The form's components are malformed.") from None
    if not raw:
        _check_fields(defined, fields)
    found: Json = {}
    for field in fields.values():
        if field["type"] == FILE_UPLOAD:
            field["values"] = [attach_upload(world, me, each, found) for each in field.get("values") or []]
        for value in field.get("values") or [] if field["type"] in _ENTITIES else []:
            resolve_entity(world, me, channel, _ENTITIES[field["type"]], value, found)
    return {"components": given, "resolved": found} if found else {"components": given}


def _check_fields(defined: list[Json], fields: dict[str, Json]) -> None:
    wanted = {each["custom_id"]: each for each in iterate_inputs(defined)}
    if extra := fields.keys() - wanted.keys():
        raise DiscordError(400, 0, f"The form does not have the field {min(extra)!r}.")
    for custom_id, field in wanted.items():
        filled = fields.get(custom_id, {})
        if filled and filled["type"] != field["type"]:
            raise DiscordError(400, 0, f"The field {custom_id!r} is of type {field['type']}.")
        _check_field(field, filled)


def _check_field(field: Json, filled: Json) -> None:
    name = field["custom_id"]
    value = filled.get("value", filled.get("values"))
    if not value and field.get("required", True) and field["type"] != CHECKBOX:
        raise DiscordError(400, 0, f"The field {name!r} is required.")
    if field["type"] == TEXT_INPUT and value:
        low, high = field.get("min_length") or 0, field.get("max_length") or 4000
        if not low <= len(value) <= high:
            raise DiscordError(400, 0, f"The field {name!r} takes {low} to {high} characters.")
    elif field.get("options") and value:
        known = {each["value"] for each in field["options"]}
        if not set([value] if isinstance(value, str) else value) <= known:
            raise DiscordError(400, 0, f"The field {name!r} does not have this option.")
    if isinstance(filled.get("values"), list) and len(value or []) > field.get("max_values", 1):
        raise DiscordError(400, 0, f"The field {name!r} takes at most {field.get('max_values', 1)}.")
