"""Languages and their catalogs, by Discord locale."""

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
    """English, and every language with a catalog."""

    def __init__(self, catalogs: Mapping[str, Language]) -> None:
        self._by_code = {_ENGLISH: Language(_ENGLISH), **catalogs}

    @classmethod
    def load(cls) -> Languages:
        """Read the catalogs of this package."""
        found = [file for file in files("bot.languages").iterdir() if file.name.endswith(".po")]
        return cls({file.name.removesuffix(".po"): _read(file) for file in found})

    @property
    def codes(self) -> tuple[str, ...]:
        """The Discord locales of all languages, English first."""
        return tuple(self._by_code)

    def get(self, code: str) -> Language | None:
        """Return the language of exactly this locale, or None."""
        return self._by_code.get(code)

    def find_best_match(self, code: str) -> Language:
        """Return the language of this locale, else one of another country (en-GB, zh-TW), else English."""
        if exact := self._by_code.get(code):
            return exact
        related = (one for known, one in self._by_code.items() if known.split("-")[0] == code.split("-", maxsplit=1)[0])
        return next(related, self._by_code[_ENGLISH])


def _read(file: Traversable) -> Language:
    with file.open("rb") as source:
        catalog = read_po(source, locale=file.name.removesuffix(".po").replace("-", "_"), abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Language(file.name.removesuffix(".po"), GNUTranslations(compiled))


class Language:
    """Translates into one language; texts without a translation stay English."""

    def __init__(self, code: str, translations: NullTranslations | None = None) -> None:
        """`code`: the Discord locale."""
        self.code = code
        self._locale = Locale.parse(code, sep="-")
        self._translations = translations or NullTranslations()

    def translate(self, translatable: Translatable) -> str:
        """Translate the text and format its values."""
        if translatable.plural is None:
            text = self._translations.gettext(translatable.text)
        else:
            text = self._translations.ngettext(translatable.text, translatable.plural, translatable.count)
        return text.format_map({name: self._format_value(value) for name, value in translatable.values.items()})

    def tr(self, text: str, /, **values: Value) -> str:
        """Translate at once; see :func:`bot.i18n.text.tr`."""
        return self.translate(tr(text, **values))

    def tr_plural(self, one: str, more: str, count: int, /, **values: Value) -> str:
        """Translate at once; see :func:`bot.i18n.text.tr_plural`."""
        return self.translate(tr_plural(one, more, count, **values))

    def translate_name(self, context: str, name: str) -> str | None:
        """Return the translation of a name, or None; `context` (the msgctxt) is "command", "option" or "choice"."""
        found = self._translations.pgettext(context, name)
        return found if found != name else None

    def lookup(self, text: str) -> str | None:
        """Return the translation of a text without values, or None."""
        found = self._translations.gettext(text)
        return found if found != text else None

    def format_day(self, day: date) -> str:
        """Format a day with its weekday and without its year: "Sun, Nov 22"."""
        return str(format_skeleton("MMMEd", day, locale=self._locale))

    def _format_value(self, value: Value) -> str:
        if isinstance(value, Translatable):
            return self.translate(value)
        if isinstance(value, tuple):
            return format_list([self._format_value(each) for each in value], locale=self._locale)
        return str(format_decimal(value, locale=self._locale)) if isinstance(value, int | float) else value


def get_native_name(code: str) -> str:
    """Return a language's own name by its Discord locale: "English", "简体中文", "Português"."""
    locale = Locale.parse(code, sep="-")
    usual = str(get_global("likely_subtags").get(locale.language, "")).split("_")
    known = {str(key): str(name) for key, name in locale.languages.items()}
    name = known.get(locale.language, code)
    if locale.territory and locale.territory not in usual:
        name = known.get(f"{locale.language}_{locale.territory}", locale.get_display_name() or name)
    name = known.get(f"{locale.language}_{locale.script}", name)
    return name[:1].upper() + name[1:]
