"""Checks and resolves a command's options, as Discord's client does before it sends them."""

from __future__ import annotations

from bot.sandbox.discord.api import command_schema
from bot.sandbox.discord.page_api.content import get_upload
from bot.sandbox.discord.state import serialize
from bot.sandbox.discord.state.changes import LiveWorld
from bot.sandbox.discord.state.errors import DiscordError
from bot.sandbox.discord.state.interactions import resolve_users
from bot.sandbox.discord.state.model import Channel, Json, User

_MAX_EXACT_NUMBER = 1 << 53
"""The largest number that clients can send exactly."""
_MAX_LENGTH = 6000


def get_full_name(command: Json, given: list[Json]) -> str:
    """The command's name with its group and subcommand, as the page shows it."""
    names = [str(command["name"])]
    while given and given[0].get("type") in (command_schema.SUBCOMMAND, command_schema.GROUP):
        names.append(str(given[0]["name"]))
        given = given[0].get("options") or []
    return " ".join(names)


def check_options(defined: list[Json], given: object, autocomplete: bool = False) -> None:
    """Raise an error with a sentence if Discord's client would not send these options."""
    options = _parse_options(given)
    by_name = {each["name"]: each for each in defined}
    nested = any(each["type"] in (command_schema.SUBCOMMAND, command_schema.GROUP) for each in defined)
    if nested and len(options) != 1:
        raise DiscordError(400, 0, f"Choose one of: {', '.join(by_name)}.")
    for each in options:
        option = by_name.get(each.get("name", ""))
        if option is None:
            raise DiscordError(400, 0, f"The option {each.get('name')!r} does not exist.")
        if option["type"] != each.get("type"):
            raise DiscordError(400, 0, f"The option {option['name']!r} is of type {option['type']}.")
        if nested:
            check_options(option.get("options") or [], each.get("options") or [], autocomplete)
        elif not each.get("focused"):
            _check_value(option, each.get("value"))
    given_names = [each["name"] for each in options]
    if len(set(given_names)) < len(given_names):
        raise DiscordError(400, 0, "An option is given twice.")
    needed = [] if autocomplete else [each["name"] for each in defined if each.get("required")]
    if missing := [name for name in needed if name not in given_names]:
        raise DiscordError(400, 0, f"The option {missing[0]!r} is required.")


def _parse_options(given: object) -> list[Json]:
    if isinstance(given, list) and all(isinstance(each, dict) for each in given):
        return given
    raise DiscordError(400, 0, "Options are a list of objects.")


def _check_value(option: Json, value: object) -> None:
    kind, name = option["type"], option["name"]
    if not _has_type(kind, value):
        raise DiscordError(400, 0, f"The value of {name!r} has the wrong type.")
    if option.get("choices") and value not in [each["value"] for each in option["choices"]]:
        raise DiscordError(400, 0, f"The value of {name!r} is not one of its choices.")
    if kind == command_schema.STRING and isinstance(value, str):
        _check_range(name, "length", len(value), option.get("min_length", 0), option.get("max_length", _MAX_LENGTH))
    elif kind in (command_schema.INTEGER, command_schema.NUMBER) and isinstance(value, (int, float)):
        _check_range(
            name,
            "value",
            value,
            option.get("min_value", -_MAX_EXACT_NUMBER),
            option.get("max_value", _MAX_EXACT_NUMBER),
        )


def _check_range(name: str, what: str, size: float, low: float, high: float) -> None:
    if size < low:
        raise DiscordError(400, 0, f"The {what} of {name!r} must be at least {low}.")
    if size > high:
        raise DiscordError(400, 0, f"The {what} of {name!r} must be at most {high}.")


def _has_type(kind: int, value: object) -> bool:
    if kind == command_schema.BOOLEAN:
        return isinstance(value, bool)
    if kind == command_schema.INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == command_schema.NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, str)


def resolve_options(world: LiveWorld, me: User, channel: Channel, given: list[Json]) -> tuple[list[Json], Json]:
    """The options as sent, and their `resolved` data; uploads become ephemeral attachments of the command."""
    found: Json = {}
    return [_resolve_option(world, me, channel, each, found) for each in given], found


def _resolve_option(world: LiveWorld, me: User, channel: Channel, option: Json, found: Json) -> Json:
    if "options" in option:
        return {**option, "options": [_resolve_option(world, me, channel, each, found) for each in option["options"]]}
    kind, value = option.get("type"), str(option.get("value"))
    if kind == command_schema.ATTACHMENT:
        return {**option, "value": attach_upload(world, me, value, found)}
    resolve_entity(world, me, channel, kind, value, found)
    return option


def attach_upload(world: LiveWorld, me: User, upload_id: str, found: Json) -> str:
    """Attach an upload to the command as an ephemeral attachment; returns its id."""
    copy = world.files.copy_to(get_upload(world, me, upload_id), world.application_id, ephemeral=True)
    found.setdefault("attachments", {})[copy.id] = world.files.to_json(copy)
    return copy.id


def resolve_entity(world: LiveWorld, me: User, channel: Channel, kind: object, value: str, found: Json) -> None:
    """Add the user, channel or role with that id to the resolved data; channels get the permissions of `me`."""
    guild = world.guilds.get(channel.guild_id or "")
    if kind in (command_schema.USER, command_schema.MENTIONABLE) and value in world.users:
        for name, objects in resolve_users(world, channel, [value]).items():
            found.setdefault(name, {}).update(objects)
    elif kind in (command_schema.ROLE, command_schema.MENTIONABLE) and guild and value in guild.roles:
        found.setdefault("roles", {})[value] = serialize.role(guild.roles[value])
    elif kind == command_schema.CHANNEL and value in world.channels:
        found.setdefault("channels", {})[value] = serialize.channel(world, world.channels[value])
        found["channels"][value]["permissions"] = str(world.permissions_in(me.id, world.channels[value]))
    elif kind in (command_schema.USER, command_schema.CHANNEL, command_schema.ROLE, command_schema.MENTIONABLE):
        raise DiscordError(400, 0, f"No user, role or channel has the id {value}.")
