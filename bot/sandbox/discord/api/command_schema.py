"""Validates application commands and builds Discord's responses (Discord docs, Application Commands)."""

from __future__ import annotations

import re

from bot.sandbox.discord.api.validation_errors import Path, ValidationErrors, split_names
from bot.sandbox.discord.state.model import Json

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)

NAME = re.compile(r"^[-_'\w]{1,32}$")
LOCALES = split_names(
    "id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN ja "
    "zh-TW ko"
)
"""Discord docs, Reference, Locales."""
_LOCAL = frozenset({"name_localizations", "description_localizations"})
_COMMAND = _LOCAL | split_names(
    "id type name description options default_member_permissions dm_permission contexts "
    "integration_types nsfw handler default_permission"
)
_OPTION = _LOCAL | split_names(
    "type name description required options choices channel_types min_value max_value min_length "
    "max_length autocomplete"
)


def parse_command(value: object) -> Json:
    """Validate a command; raises the 50035 error if Discord would reject it."""
    errors = ValidationErrors()
    form = check_command(errors, (), value)
    errors.raise_if_any()
    return form


def check_command(errors: ValidationErrors, path: Path, value: object) -> Json:
    """Collect a command's errors; returns the command as an object."""
    command = errors.check_object(path, value, _COMMAND)
    kind = command.get("type") or SLASH
    errors.check_choice((*path, "type"), kind, (SLASH, USER_MENU, MESSAGE_MENU))
    if kind == SLASH:
        _check_name(errors, (*path, "name"), command.get("name"))
        errors.check_text((*path, "description"), command.get("description"), 100, low=1)
        _check_localizations(errors, path, command)
        _check_options(errors, path, command, depth=0)
    else:
        errors.check_text((*path, "name"), command.get("name"), 32, low=1)
        for locale in _check_locales(errors, path, command, "name_localizations"):
            errors.check_text((*path, "name_localizations", locale), command["name_localizations"][locale], 32, low=1)
        if command.get("description") or command.get("options"):
            errors.add(path, "APPLICATION_COMMAND_INVALID", "Context menu commands have no description and options")
    return command


def _check_name(errors: ValidationErrors, path: Path, value: object) -> None:
    name = errors.check_text(path, value, 32, low=1)
    if name and (not NAME.match(name) or name != name.lower()):
        errors.add(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_localizations(errors: ValidationErrors, path: Path, one: Json) -> None:
    """Check the translations by the rules for the name and the description."""
    for locale in _check_locales(errors, path, one, "name_localizations"):
        _check_name(errors, (*path, "name_localizations", locale), one["name_localizations"][locale])
    for locale in _check_locales(errors, path, one, "description_localizations"):
        here = (*path, "description_localizations", locale)
        errors.check_text(here, one["description_localizations"][locale], 100, low=1)


def _check_locales(errors: ValidationErrors, path: Path, one: Json, field: str) -> list[str]:
    given = errors.check_object((*path, field), one.get(field) or {}, LOCALES)
    return [locale for locale in given if locale in LOCALES]


def _check_options(errors: ValidationErrors, path: Path, parent: Json, depth: int) -> None:
    taken: set[str] = set()
    optional_seen = False
    options = errors.check_list((*path, "options"), parent.get("options"), 25)
    for at, each in enumerate(options):
        here: Path = (*path, "options", at)
        option = errors.check_object(here, each, _OPTION)
        _check_option(errors, here, option, depth)
        if option.get("name") in taken:
            message = f"Option {option.get('name')} was duplicated"
            errors.add(here, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", message)
        taken.add(option.get("name", ""))
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            errors.add(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen = optional_seen or not option.get("required")
    nested = [each.get("type") in (SUBCOMMAND, GROUP) for each in options if isinstance(each, dict)]
    if any(nested) and not all(nested):
        message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        errors.add((*path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)


def _check_option(errors: ValidationErrors, path: Path, option: Json, depth: int) -> None:
    kind = option.get("type")
    # Groups are allowed in commands only, subcommands in commands and groups, values everywhere.
    errors.check_choice((*path, "type"), kind, range((1, 1, 3)[depth], 12))
    _check_name(errors, (*path, "name"), option.get("name"))
    errors.check_text((*path, "description"), option.get("description"), 100, low=1)
    _check_localizations(errors, path, option)
    if kind in (SUBCOMMAND, GROUP):
        if depth == 1 and kind == GROUP:
            errors.add((*path, "type"), "BASE_TYPE_CHOICES", "A group cannot contain a group.")
        _check_options(errors, path, option, 2 if kind == SUBCOMMAND else 1)
        return
    _check_bounds(errors, path, option)
    choices = errors.check_list((*path, "choices"), option.get("choices"), 25)
    for at, each in enumerate(choices):
        here: Path = (*path, "choices", at)
        choice = errors.check_object(here, each, ("name", "value", "name_localizations"))
        errors.check_text((*here, "name"), choice.get("name"), 100, low=1)
        for locale in _check_locales(errors, here, choice, "name_localizations"):
            errors.check_text((*here, "name_localizations", locale), choice["name_localizations"][locale], 100, low=1)
        expected = {STRING: (str,), INTEGER: (int,), NUMBER: (int, float)}.get(kind or 0, ())
        if not isinstance(choice.get("value"), expected):
            errors.add((*here, "value"), "BASE_TYPE_CHOICES", "The value is not of the option's type.")
    if choices and option.get("autocomplete"):
        errors.add(path, "APPLICATION_COMMAND_INVALID", "autocomplete and choices are mutually exclusive")


def _check_bounds(errors: ValidationErrors, path: Path, option: Json) -> None:
    for name, kinds in (("value", (INTEGER, NUMBER)), ("length", (STRING,))):
        low, high = option.get(f"min_{name}"), option.get(f"max_{name}")
        if (low is not None or high is not None) and option.get("type") not in kinds:
            errors.add((*path, f"min_{name}"), "APPLICATION_COMMAND_INVALID", f"Only types {kinds} have these bounds")
        if low is not None and high is not None and low > high:
            errors.add((*path, f"max_{name}"), "NUMBER_TYPE_MIN", f"Must be at least min_{name}.")
    for name, least in (("min_length", 0), ("max_length", 1)):
        if option.get(name) is not None:
            errors.check_int((*path, name), option[name], least, 6000)


def build_command(form: Json, command_id: str, application_id: str, guild_id: str | None, version: str) -> Json:
    """The command as Discord returns it: defaults filled in, permissions as a string."""
    permissions = form.get("default_member_permissions")
    out: Json = {
        "id": command_id,
        "application_id": application_id,
        "version": version,
        "type": form.get("type") or SLASH,
        "name": form["name"],
        "description": form.get("description") or "",
        "default_member_permissions": None if permissions is None else str(permissions),
        "dm_permission": form.get("dm_permission") is not False,
        "contexts": form.get("contexts"),
        "integration_types": form.get("integration_types") or [0],
        "nsfw": bool(form.get("nsfw")),
        "name_localizations": form.get("name_localizations"),
        "description_localizations": form.get("description_localizations"),
    }
    if form.get("options"):
        out["options"] = form["options"]
    if guild_id is not None:
        out["guild_id"] = guild_id
    return out
