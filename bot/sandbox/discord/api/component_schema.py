"""Validates buttons, selects and modals (Discord docs, Component Reference)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.sandbox.discord.api.validation_errors import Path, ValidationErrors, split_names
from bot.sandbox.discord.state.model import Json

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
ENTITY_SELECTS = (5, 6, 7, 8)
TEXT_DISPLAY, LABEL, FILE_UPLOAD = 10, 18, 19
RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 21, 22, 23
LINK, PREMIUM = 5, 6

_CHOICE = frozenset({"id", "type", "custom_id", "options", "required", "min_values", "max_values"})
_SELECT = _CHOICE | {"placeholder", "disabled", "channel_types", "default_values"}
_TEXT = split_names("id type custom_id style label value placeholder required min_length max_length")
_BUTTON = split_names("id type style custom_id label disabled url sku_id emoji")


def iterate_inputs(components: list[Json]) -> Iterator[Json]:
    """Every interactive component of the tree."""
    for each in components:
        if each["type"] in (ROW, LABEL):
            inner = each["components"] if each["type"] == ROW else [each["component"]]
            yield from iterate_inputs(inner)
        elif each["type"] != TEXT_DISPLAY:
            yield each


def number_components(components: list[Json]) -> list[Json]:
    """The tree with an `id` on every component, as Discord assigns them, and with snowflakes as strings."""
    count = 0

    def walk(component: Json) -> Json:
        nonlocal count
        count += 1
        out = {**component, "id": component.get("id") or count}
        if "default_values" in component:
            out["default_values"] = [{**each, "id": str(each["id"])} for each in component["default_values"] or []]
        if "components" in component:
            out["components"] = [walk(each) for each in component["components"]]
        return out

    return [walk(each) for each in components]


def check_message_components(errors: ValidationErrors, path: Path, value: object) -> None:
    """Collect the errors of a message's rows."""
    taken: set[str] = set()
    for at, row in enumerate(errors.check_list(path, value, 5)):
        here: Path = (*path, at)
        known = errors.check_object(here, row, ("id", "type", "components"))
        errors.check_choice((*here, "type"), known.get("type"), (ROW,))
        entries = errors.check_list((*here, "components"), known.get("components"), 5, low=1)
        kinds = [each.get("type") for each in entries if isinstance(each, dict)]
        if len(kinds) > 1 and any(kind != BUTTON for kind in kinds):
            errors.add((*here, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds it")
        for index, each in enumerate(entries):
            _check_in_row(errors, (*here, "components", index), each, taken)


def _check_in_row(errors: ValidationErrors, path: Path, value: object, taken: set[str]) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == BUTTON:
        _check_button(errors, path, errors.check_object(path, value, _BUTTON), taken)
    elif kind == STRING_SELECT or kind in ENTITY_SELECTS:
        _check_select(errors, path, errors.check_object(path, value, _SELECT), taken)
    else:
        errors.check_choice((*path, "type"), kind, (BUTTON, STRING_SELECT, *ENTITY_SELECTS))


def _check_button(errors: ValidationErrors, path: Path, button: Json, taken: set[str]) -> None:
    errors.check_choice((*path, "style"), button.get("style"), range(1, 7))
    label = errors.check_text((*path, "label"), button.get("label"), 80)
    if button.get("style") == LINK:
        errors.check_text((*path, "url"), button.get("url"), 512, low=1)
        if button.get("custom_id"):
            errors.add(path, "BUTTON_COMPONENT_INVALID", "A custom id and url cannot both be specified")
    else:
        _check_custom_id(errors, path, button, taken)
        if not label and not button.get("emoji") and button.get("style") != PREMIUM:
            errors.add(path, "BUTTON_COMPONENT_INVALID", "A button must have a label or an emoji")
    errors.check_bool((*path, "disabled"), button.get("disabled"))


def _check_select(errors: ValidationErrors, path: Path, select: Json, taken: set[str]) -> None:
    _check_custom_id(errors, path, select, taken)
    errors.check_text((*path, "placeholder"), select.get("placeholder"), 150)
    if select.get("type") == STRING_SELECT:
        _check_options(errors, path, select)
    errors.check_int((*path, "min_values"), select.get("min_values", 1), 0, 25)
    errors.check_int((*path, "max_values"), select.get("max_values", 1), 1, 25)
    for at, each in enumerate(errors.check_list((*path, "default_values"), select.get("default_values"), 25)):
        known = errors.check_object((*path, "default_values", at), each, ("id", "type"))
        errors.check_choice((*path, "default_values", at, "type"), known.get("type"), ("user", "role", "channel"))
        if "id" in known:
            known["id"] = str(known["id"])  # Discord also accepts ids as numbers, and returns strings


def _check_options(errors: ValidationErrors, path: Path, select: Json, high: int = 25) -> None:
    seen: set[Any] = set()
    for at, each in enumerate(errors.check_list((*path, "options"), select.get("options"), high, low=1)):
        here: Path = (*path, "options", at)
        known = errors.check_object(here, each, ("label", "value", "description", "emoji", "default"))
        errors.check_text((*here, "label"), known.get("label"), 100, low=1)
        value = errors.check_text((*here, "value"), known.get("value"), 100, low=1)
        errors.check_text((*here, "description"), known.get("description"), 100)
        if value in seen:
            errors.add((*here, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The value is already used")
        seen.add(value)


def _check_custom_id(errors: ValidationErrors, path: Path, component: Json, taken: set[str]) -> None:
    custom_id = errors.check_text((*path, "custom_id"), component.get("custom_id"), 100, low=1)
    if custom_id in taken:
        errors.add((*path, "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
    taken.add(custom_id)


def check_modal(errors: ValidationErrors, path: Path, value: object) -> None:
    """Collect the errors of a modal (Discord docs, Responding to an Interaction, Modal)."""
    modal = errors.check_object(path, value, ("custom_id", "title", "components"))
    errors.check_text((*path, "custom_id"), modal.get("custom_id"), 100, low=1)
    errors.check_text((*path, "title"), modal.get("title"), 45, low=1)
    taken: set[str] = set()
    for at, each in enumerate(errors.check_list((*path, "components"), modal.get("components"), 5, low=1)):
        here: Path = (*path, "components", at)
        kind = each.get("type") if isinstance(each, dict) else None
        if kind == LABEL:
            _check_label(errors, here, each, taken)
        elif kind == ROW:
            _check_text_row(errors, here, each, taken)
        elif kind == TEXT_DISPLAY:
            shown = errors.check_object(here, each, ("id", "type", "content"))
            errors.check_text((*here, "content"), shown.get("content"), 4000, low=1)
        else:
            errors.check_choice((*here, "type"), kind, (ROW, TEXT_DISPLAY, LABEL))


def _check_text_row(errors: ValidationErrors, path: Path, value: Json, taken: set[str]) -> None:
    row = errors.check_object(path, value, ("id", "type", "components"))
    for each in errors.check_list((*path, "components"), row.get("components"), 1, low=1):
        here: Path = (*path, "components", 0)
        field = errors.check_object(here, each, _TEXT)
        errors.check_choice((*here, "type"), field.get("type"), (TEXT_INPUT,))
        errors.check_text((*here, "label"), field.get("label"), 45, low=1)
        _check_text_input(errors, here, field, taken)


def _check_label(errors: ValidationErrors, path: Path, value: Json, taken: set[str]) -> None:
    label = errors.check_object(path, value, ("id", "type", "label", "description", "component"))
    errors.check_text((*path, "label"), label.get("label"), 45, low=1)
    errors.check_text((*path, "description"), label.get("description"), 100)
    here: Path = (*path, "component")
    inner = label.get("component") if isinstance(label.get("component"), dict) else {}
    kind = inner.get("type") if inner else None
    if kind == TEXT_INPUT:
        _check_text_input(errors, here, errors.check_object(here, inner, _TEXT), taken)
    elif kind == STRING_SELECT or kind in ENTITY_SELECTS:
        _check_select(errors, here, errors.check_object(here, inner, _SELECT), taken)
    elif kind in (FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX):
        field = errors.check_object(here, inner, _CHOICE | {"default"})
        _check_custom_id(errors, here, field, taken)
        if kind in (RADIO_GROUP, CHECKBOX_GROUP):
            _check_options(errors, here, field, high=10)
    else:
        known = (TEXT_INPUT, STRING_SELECT, *ENTITY_SELECTS, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX)
        errors.check_choice((*here, "type"), kind, known)


def _check_text_input(errors: ValidationErrors, path: Path, field: Json, taken: set[str]) -> None:
    _check_custom_id(errors, path, field, taken)
    errors.check_choice((*path, "style"), field.get("style"), (1, 2))
    errors.check_int((*path, "min_length"), field.get("min_length") or 0, 0, 4000)
    errors.check_int((*path, "max_length"), field.get("max_length") or 4000, 1, 4000)
    errors.check_text((*path, "value"), field.get("value"), field.get("max_length") or 4000)
    errors.check_text((*path, "placeholder"), field.get("placeholder"), 100)
