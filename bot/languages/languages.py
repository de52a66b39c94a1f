"""All languages, found by the locales that Discord names."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import GNUTranslations
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bot.languages.language import Language

_ENGLISH = "en-US"


class Languages:
    """English, and every language that has a catalogue."""

    def __init__(self, catalogues: Mapping[str, Language]) -> None:
        self._by_code = {_ENGLISH: Language(_ENGLISH), **catalogues}

    @classmethod
    def load(cls) -> Languages:
        """Read the catalogues that come with this program."""
        found = [file for file in files("bot.languages").iterdir() if file.name.endswith(".po")]
        return cls({file.name.removesuffix(".po"): _read(file) for file in found})

    @property
    def codes(self) -> tuple[str, ...]:
        """Discord's names of all their locales, English first."""
        return tuple(self._by_code)

    def get(self, code: str) -> Language | None:
        """The language of just this locale."""
        return self._by_code.get(code)

    def best_match(self, code: str) -> Language:
        """The language of this locale, else one that differs by its country only (en-GB, zh-TW), else English."""
        if exact := self._by_code.get(code):
            return exact
        related = (one for known, one in self._by_code.items() if known.split("-")[0] == code.split("-", maxsplit=1)[0])
        return next(related, self._by_code[_ENGLISH])


def _read(file: Traversable) -> Language:
    with file.open("rb") as source:
        catalogue = read_po(source, locale=file.name.removesuffix(".po").replace("-", "_"), abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Language(file.name.removesuffix(".po"), GNUTranslations(compiled))
