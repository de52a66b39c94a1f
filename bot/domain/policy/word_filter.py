"""Search a text for forbidden words. Both are normalised, and one pass over the text searches for all entries.

Entries are never regular expressions, so that a moderator's mistake cannot hang the bot. The search is an automaton
without backtracking (Shift-And, one bit per character of an entry), so it takes one step per character of the text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
"""Combining marks that decorate a letter, without those that change it, as in Japanese and Indic scripts."""
_INVISIBLE = re.compile("[\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
"""Invisible characters that count as letters or symbols; other invisible ones have the category Cf."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Scripts without spaces at word ends: Thai, Lao, Burmese, Khmer, Japanese, Chinese, and Korean with its endings."""
ENTRY_MAX = 100
"""Characters of an entry once it is normalised; one character can become eighteen."""


def find_forbidden(text: str, entries: Sequence[str]) -> str | None:
    """Return the first of `entries` that `text` contains, or None.

    A plain entry matches whole words; in scripts without spaces it matches anywhere. Each * matches any number of
    characters within a word: kill* matches killing, *kill* also overkill.
    """
    if not entries:
        return None
    normal = _normal(text)
    characters = frozenset(normal)
    patterns = [_normal(entry) for entry in entries]
    possible = [number for number, pattern in enumerate(patterns) if set(pattern) - {"*"} <= characters]
    everything = next((number for number in possible if not patterns[number].strip("*")), None)
    possible = [number for number in possible if patterns[number].strip("*")]
    found = _Automaton([patterns[number] for number in possible]).find_first(normal) if possible else None
    hits = [number for number in (everything, None if found is None else possible[found]) if number is not None]
    return entries[min(hits)] if hits else None


def is_empty_pattern(entry: str) -> bool:
    """Whether nothing of the entry is left after normalisation, so that it would match everything or nothing."""
    return not _normal(entry).strip("* ")


def is_too_long(entry: str) -> bool:
    """Whether the entry, once normalised, has more than ENTRY_MAX characters."""
    return len(_normal(entry)) > ENTRY_MAX


def _normal(text: str) -> str:
    """Normalise: NFKC, without case, accents and invisible characters, with single spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    seen = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    bare = unicodedata.normalize("NFKC", _INVISIBLE.sub("", _ACCENTS.sub("", seen)))
    return " ".join(bare.split())


class _Automaton:
    """Matches all patterns at once. Bit n is set while the n-th character of the concatenated patterns matches."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Each pattern must be normalised and have a character that is not a star."""
        letters = [pattern.replace("*", "") for pattern in patterns]
        self._ends = list(accumulate(map(len, letters)))
        begins = [end - len(word) for end, word in zip(self._ends, letters, strict=True)]
        free = [pattern.startswith("*") for pattern in patterns]
        self._first = _bits(begin for begin, star in zip(begins, free, strict=True) if star)
        self._first_at_edge = _bits(begin for begin, star in zip(begins, free, strict=True) if not star)
        self._starred = _bits(
            bit for pattern, begin in zip(patterns, begins, strict=True) for bit in _before_stars(pattern, begin)
        )
        open_ends = [pattern.endswith("*") for pattern in patterns]
        self._last = _bits(end - 1 for end, star in zip(self._ends, open_ends, strict=True) if star)
        self._last_at_edge = _bits(end - 1 for end, star in zip(self._ends, open_ends, strict=True) if not star)
        self._inner = ~(self._last | self._last_at_edge)
        """All bits except each pattern's last, which is followed by the first bit of the next pattern."""
        places: dict[str, list[int]] = {}
        for bit, char in enumerate("".join(letters)):
            places.setdefault(char, []).append(bit)
        self._places = {char: _bits(bits) for char, bits in places.items()}

    def find_first(self, text: str) -> int | None:
        """Return the index of the first pattern that the text contains, or None."""
        solid = {char: _is_solid(char) for char in set(text)}
        matched = waiting = hits = 0
        """Bits whose character just matched; bits whose star is consuming text; patterns found so far."""
        before = False
        for char in text:
            joined = before and solid[char]
            if joined:
                hits |= matched & self._last
                first = self._first
            else:  # the edge of a word
                hits |= matched & (self._last | self._last_at_edge)
                first = self._first | self._first_at_edge
            matched = ((((matched & self._inner) | waiting) << 1) | first) & self._places.get(char, 0)
            # A star consumes the rest of this word, so a space ends it; a star right after a space belongs to the
            # next word.
            waiting = (matched & self._starred) | (0 if char == " " else waiting)
            before = solid[char]
        hits |= matched & (self._last | self._last_at_edge)
        return bisect_right(self._ends, (hits & -hits).bit_length() - 1) if hits else None


def _before_stars(pattern: str, begin: int) -> Iterable[int]:
    """Yield the bits of the characters that a star follows, except the last: its star is an open end."""
    bit, last = begin - 1, begin + len(pattern.replace("*", "")) - 1
    for char in pattern:
        if char != "*":
            bit += 1
        elif begin <= bit < last:
            yield bit


def _bits(places: Iterable[int]) -> int:
    """Return the number with these bits set. Built from bytes, because setting bits one by one copies it each time."""
    chosen = list(places)
    whole = bytearray(max(chosen, default=0) // 8 + 1)
    for place in chosen:
        whole[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(whole, "little")


def _is_solid(char: str) -> bool:
    """Whether two such characters in a row belong to the same word."""
    return (char.isalnum() or char == "_") and not _UNSPACED.search(char)
