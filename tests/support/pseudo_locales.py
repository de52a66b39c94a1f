"""Languages that nobody speaks: each marks what it tells, and leaves no English letter of it."""

from __future__ import annotations

import re
from gettext import NullTranslations

from bot.i18n import Language, Languages

_WORDS = re.compile(r"(\{[^}]*\})|[A-Za-z]")
_NOT_WORDS = re.compile(r"<[^>]*>|\]\([^)]*\)")


class Marked(NullTranslations):
    """Every letter of a sentence becomes this sign; the places of its values stay."""

    def __init__(self, sign: str) -> None:
        super().__init__()
        self._sign = sign

    def gettext(self, message: str) -> str:
        return _WORDS.sub(lambda found: found[1] or self._sign, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def pseudo_language(code: str, sign: str) -> Language:
    """One such language."""
    return Language(code, Marked(sign))


def pseudo_languages(**signs: str) -> Languages:
    """English, and such languages by their codes (de="ж")."""
    return Languages(
        {code.replace("_", "-"): pseudo_language(code.replace("_", "-"), sign) for code, sign in signs.items()}
    )


def english_in(text: str) -> list[str]:
    """Words in English letters that are no mention, time or link."""
    return re.findall(r"[A-Za-z]{2,}", _NOT_WORDS.sub("", text))
