"""Collects form errors and raises them as Discord does: 50035 with nested errors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bot.sandbox.discord.state.errors import DiscordError
from bot.sandbox.discord.state.model import Json

Path = tuple[str | int, ...]


def split_names(text: str) -> frozenset[str]:
    """Split `text` at spaces."""
    return frozenset(text.split())


class ValidationErrors:
    """The errors found so far. Every check adds to them; :meth:`raise_if_any` raises them."""

    def __init__(self) -> None:
        self._tree: Json = {}

    def add(self, path: Path, code: str, message: str) -> None:
        """Add an error at `path`."""
        at = self._tree
        for key in path:
            at = at.setdefault(str(key), {})
        at.setdefault("_errors", []).append({"code": code, "message": message})

    def raise_if_any(self) -> None:
        """Raise 400/50035 if there are errors (Discord docs, Reference, Error Messages)."""
        if self._tree:
            raise DiscordError(400, 50035, "Invalid Form Body", self._tree)

    def check_object(self, path: Path, value: object, known: Collection[str]) -> Json:
        """`value` as an object with only `known` fields; Discord ignores some unknown ones, this fake rejects all."""
        if not isinstance(value, dict):
            self.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            return {}
        for name in value:
            if name not in known:
                self.add((*path, name), "UNKNOWN_FIELD", f"Discord knows no field {name!r} here")
        return value

    def check_list(self, path: Path, value: object, high: int, low: int = 0) -> list[Any]:
        """`value` as a list of `low` to `high` entries; null is an empty list."""
        value = [] if value is None else value
        if not isinstance(value, list):
            self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not low <= len(value) <= high:
            self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        return value

    def check_text(self, path: Path, value: object, high: int, low: int = 0) -> str:
        """`value` as a string of `low` to `high` characters; null is an empty string."""
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return ""
        if low and not value:
            self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif len(value) < low:
            self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        elif len(value) > high:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        return value

    def check_int(self, path: Path, value: object, low: int, high: int) -> None:
        """Check that `value` is an integer in that range."""
        if not isinstance(value, int) or isinstance(value, bool):
            self.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif value < low:
            self.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low}.")
        elif value > high:
            self.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}.")

    def check_bool(self, path: Path, value: object) -> None:
        """Check that `value` is true, false or absent."""
        if value not in (None, True, False) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            self.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")

    def check_choice(self, path: Path, value: object, values: Collection[Any]) -> None:
        """Check that `value` is one of `values`."""
        if value not in values:
            self.add(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{', '.join(map(repr, values))}}}.")
