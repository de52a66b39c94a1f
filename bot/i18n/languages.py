"""All languages, found by the locales that Discord names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

from babel import Locale
from babel.core import get_global
from babel.dates import format_skeleton
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from bot.i18n.text import Translatable, Value, tr, tr_plural

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


class Language:
    """Tells phrases in one language; what its catalogue lacks is told in English."""

    def __init__(self, code: str, translations: NullTranslations | None = None) -> None:
        """`code`: Discord's name of the locale."""
        self.code = code
        self._locale = Locale.parse(code, sep="-")
        self._translations = translations or NullTranslations()

    def translate(self, phrase: Translatable) -> str:
        """The phrase in this language."""
        if phrase.plural is None:
            text = self._translations.gettext(phrase.text)
        else:
            text = self._translations.ngettext(phrase.text, phrase.plural, phrase.count)
        return text.format_map({name: self._value(value) for name, value in phrase.values.items()})

    def tr(self, text: str, /, **values: Value) -> str:
        """What :func:`bot.i18n.text.tr` makes, told at once."""
        return self.translate(tr(text, **values))

    def tr_plural(self, one: str, more: str, count: int, /, **values: Value) -> str:
        """What :func:`bot.i18n.text.tr_plural` makes, told at once."""
        return self.translate(tr_plural(one, more, count, **values))

    def translate_name(self, context: str, name: str) -> str | None:
        """The translation of a command's or an option's name (its msgctxt says which), if there is one."""
        found = self._translations.pgettext(context, name)
        return found if found != name else None

    def lookup(self, text: str) -> str | None:
        """The translation of a text without values, if there is one."""
        found = self._translations.gettext(text)
        return found if found != text else None

    def format_day(self, day: date) -> str:
        """A day, with its weekday and without its year: "Sun, Nov 22"."""
        return str(format_skeleton("MMMEd", day, locale=self._locale))

    def _value(self, value: Value) -> str:
        if isinstance(value, Translatable):
            return self.translate(value)
        if isinstance(value, tuple):
            return format_list([self._value(each) for each in value], locale=self._locale)
        return str(format_decimal(value, locale=self._locale)) if isinstance(value, int | float) else value


def native_name(code: str) -> str:
    """What a language calls itself, by Discord's name of its locale: "English", "简体中文", "Português"."""
    locale = Locale.parse(code, sep="-")
    usual = str(get_global("likely_subtags").get(locale.language, "")).split("_")
    known = {str(key): str(name) for key, name in locale.languages.items()}
    name = known.get(locale.language, code)
    if locale.territory and locale.territory not in usual:
        name = known.get(f"{locale.language}_{locale.territory}", locale.get_display_name() or name)
    name = known.get(f"{locale.language}_{locale.script}", name)
    return name[:1].upper() + name[1:]
