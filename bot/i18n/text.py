"""What is said to people, before it is known in which language: an English sentence and what is put into it.

The rooms below Discord make phrases, the rows keep them, and :class:`bot.i18n.Language` tells them. `say` and
`counted` are also what the catalogue's words are collected by (see CONTRIBUTING), so give them literal texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias, Union

Value: TypeAlias = Union[str, int, float, "Translatable", tuple["str | Translatable", ...]]
"""Numbers are told as the language writes them (give an id as a text), several values as its list: "a, b and c"."""


@dataclass(frozen=True, slots=True)
class Translatable:
    """A text with named places: {name}. Its texts are trusted, its values need not be."""

    text: str
    values: dict[str, Value] = field(default_factory=dict)
    plural: str | None = None
    """The English text for any `count` but 1."""
    count: int = 1

    def __str__(self) -> str:
        """In plain English, for logs."""
        chosen = self.text if self.plural is None or self.count == 1 else self.plural
        return chosen.format_map({name: _plain(value) for name, value in self.values.items()})

    def __hash__(self) -> int:
        """Equal phrases have equal texts."""
        return hash((self.text, self.count))


def tr(text: str, /, **values: Value) -> Translatable:
    """A phrase; `text` is English, with {name} where a value goes."""
    return Translatable(text, values)


def tr_plural(one: str, more: str, count: int, /, **values: Value) -> Translatable:
    """A phrase about a number of things, which stands in it as {count}."""
    return Translatable(one, {**values, "count": count}, more, count)


def untranslated(text: str) -> Translatable:
    """Somebody's own words, the same in every language."""
    return Translatable("{words}", {"words": text})


def _plain(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_plain, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
