"""Translatable texts: an English sentence and its values, translated once the language is known.

Packages below the client create them, rows store them, and :class:`bot.i18n.Language` translates them. The catalogs
are extracted from the calls of `tr` and `tr_plural` (see CONTRIBUTING), so their texts must be literals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias, Union

Value: TypeAlias = Union[str, int, float, "Translatable", tuple["str | Translatable", ...]]
"""Numbers are formatted for the language (pass ids as str), tuples as its list: "a, b and c"."""


@dataclass(frozen=True, slots=True)
class Translatable:
    """A text with placeholders such as {name}. The texts are trusted; the values need not be."""

    text: str
    values: dict[str, Value] = field(default_factory=dict)
    plural: str | None = None
    """The English text for any `count` except 1."""
    count: int = 1

    def __str__(self) -> str:
        """Return the English text, for logs."""
        chosen = self.text if self.plural is None or self.count == 1 else self.plural
        return chosen.format_map({name: _format_plain(value) for name, value in self.values.items()})

    @property
    def is_ours(self) -> bool:
        """Whether no value is a text that somebody else may have written."""
        return all(
            value.is_ours if isinstance(value, Translatable) else isinstance(value, (int, float))
            for value in self.values.values()
        )

    def __hash__(self) -> int:
        """Values can be unhashable, so only text and count are hashed."""
        return hash((self.text, self.count))


def tr(text: str, /, **values: Value) -> Translatable:
    """Mark an English text for translation; {name} is replaced by a value."""
    return Translatable(text, values)


def tr_plural(one: str, more: str, count: int, /, **values: Value) -> Translatable:
    """Mark an English text with a plural for translation; {count} is replaced by the count."""
    return Translatable(one, {**values, "count": count}, more, count)


def untranslated(text: str) -> Translatable:
    """Wrap a text that is the same in every language, such as a person's own words."""
    return Translatable("{words}", {"words": text})


def _format_plain(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_format_plain, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
