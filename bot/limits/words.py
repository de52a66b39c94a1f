"""Whether a text contains a forbidden word. Both are normalised; the time is linear in the text for each entry.

Entries are never regular expressions: a moderator's slip must not be able to stop the bot.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
"""Combining marks that adorn a letter. Not those that make another letter of it, as in Japanese and Indic scripts."""
_INVISIBLE = re.compile("[\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
"""Characters that show nothing though they are letters or symbols; other invisible ones are of category Cf."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese, and Korean with its endings: no spaces tell where a word ends."""


def first_forbidden(text: str, entries: Iterable[str]) -> str | None:
    """The first of `entries` that `text` contains, or None.

    A plain entry is found where it stands as a word (or words) of its own; in scripts without spaces, anywhere. In an
    entry with *, each * stands for any characters, or none, within a word: kill* finds killing, *kill* also overkill.
    """
    told = _normal(text)
    return next((entry for entry in entries if _contains(told, _normal(entry))), None)


def meaningless(entry: str) -> bool:
    """Whether nothing is left of the entry to look for, so that it would forbid everything or nothing."""
    return not _normal(entry).strip("* ")


def _normal(text: str) -> str:
    """One form for what looks alike: NFKC, without case, accents and invisible characters, with single spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    seen = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    bare = unicodedata.normalize("NFKC", _INVISIBLE.sub("", _ACCENTS.sub("", seen)))
    return " ".join(bare.split())


def _contains(text: str, entry: str) -> bool:
    """Look for the entry's pieces between its stars, from left to right.

    Within one word the leftmost place for each piece leaves the most room to the others, so nothing is ever tried
    twice there; when a piece is not found, the search goes on behind the word in which it began.
    """
    first, *others = re.sub(r"\*+", "*", entry).split("*")
    start = 0
    while (at := _find(text, first, start, len(text), left=True, right=not others)) >= 0:
        end = at + len(first)
        if all((end := _next(text, piece, end, last=n == len(others))) >= 0 for n, piece in enumerate(others, 1)):
            return True
        start = _word_end(text, at) + 1
    return False


def _next(text: str, piece: str, start: int, *, last: bool) -> int:
    """Where `piece` ends, if it begins in the word at `start`; else -1."""
    # A piece may hold a space itself, and so begin in this word and end in another.
    found = _find(text, piece, start, _word_end(text, start) + len(piece), left=False, right=last)
    return found + len(piece) if 0 <= found <= _word_end(text, start) else -1


def _find(text: str, piece: str, start: int, end: int, *, left: bool, right: bool) -> int:
    """The first place of `piece`, with an edge of a word to its `left` and `right` if asked for; -1: none."""
    at = text.find(piece, start, end)
    while at >= 0:
        behind = at + len(piece)
        if not (left and piece and _joined(text, at)) and not (right and piece and _joined(text, behind)):
            return at
        at = text.find(piece, at + 1, end)
    return -1


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and at `at` belong to one word."""
    if not 0 < at < len(text):
        return False
    pair = text[at - 1 : at + 1]
    return all(char.isalnum() or char == "_" for char in pair) and not _UNSPACED.search(pair)


def _word_end(text: str, at: int) -> int:
    end = text.find(" ", at)
    return len(text) if end < 0 else end
