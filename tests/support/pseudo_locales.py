"""Pseudo-languages: each replaces every English letter of its sentences by a sign."""

from __future__ import annotations

import re
from gettext import NullTranslations

from bot.i18n import Language, Languages

_WORDS = re.compile(r"(\{[^}]*\})|[A-Za-z]")
_NOT_WORDS = re.compile(r"<[^>]*>|\]\([^)]*\)")


class Marked(NullTranslations):
    """Replaces every letter of a sentence by a sign and keeps its placeholders."""

    def __init__(self, sign: str) -> None:
        super().__init__()
        self._sign = sign

    def gettext(self, message: str) -> str:
        return _WORDS.sub(lambda found: found[1] or self._sign, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def pseudo_language(code: str, sign: str) -> Language:
    """Make one pseudo-language."""
    return Language(code, Marked(sign))


def pseudo_languages(**signs: str) -> Languages:
    """English and pseudo-languages by code (de="ж")."""
    return Languages(
        {code.replace("_", "-"): pseudo_language(code.replace("_", "-"), sign) for code, sign in signs.items()}
    )


def english_in(text: str) -> list[str]:
    """English words outside of mentions, timestamps and links."""
    return re.findall(r"[A-Za-z]{2,}", _NOT_WORDS.sub("", text))
