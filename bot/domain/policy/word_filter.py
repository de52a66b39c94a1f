"""Whether a text contains a forbidden word. Both are normalised, and one pass over the text looks for all entries.

Entries are never regular expressions: a moderator's slip must not be able to stop the bot. The search is an automaton
without backtracking (Shift-And, one bit per character of an entry), so its steps are the characters of the text.
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
"""Combining marks that adorn a letter. Not those that make another letter of it, as in Japanese and Indic scripts."""
_INVISIBLE = re.compile("[\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
"""Characters that show nothing though they are letters or symbols; other invisible ones are of category Cf."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese, and Korean with its endings: no spaces tell where a word ends."""
ENTRY_MAX = 100
"""Characters of an entry once it is normalised; one character can become eighteen."""


def find_forbidden(text: str, entries: Sequence[str]) -> str | None:
    """The first of `entries` that `text` contains, or None.

    A plain entry is found where it stands as a word (or words) of its own; in scripts without spaces, anywhere. In an
    entry with *, each * stands for any characters, or none, within a word: kill* finds killing, *kill* also overkill.
    """
    if not entries:
        return None
    told = _normal(text)
    written = frozenset(told)
    patterns = [_normal(entry) for entry in entries]
    possible = [number for number, pattern in enumerate(patterns) if set(pattern) - {"*"} <= written]
    everything = next((number for number in possible if not patterns[number].strip("*")), None)
    possible = [number for number in possible if patterns[number].strip("*")]
    found = _Automaton([patterns[number] for number in possible]).first_in(told) if possible else None
    hits = [number for number in (everything, None if found is None else possible[found]) if number is not None]
    return entries[min(hits)] if hits else None


def is_empty_pattern(entry: str) -> bool:
    """Whether nothing is left of the entry to look for, so that it would forbid everything or nothing."""
    return not _normal(entry).strip("* ")


def too_long(entry: str) -> bool:
    """Whether the entry, written out as it is compared, has more characters than an entry may have."""
    return len(_normal(entry)) > ENTRY_MAX


def _normal(text: str) -> str:
    """One form for what looks alike: NFKC, without case, accents and invisible characters, with single spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    seen = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    bare = unicodedata.normalize("NFKC", _INVISIBLE.sub("", _ACCENTS.sub("", seen)))
    return " ".join(bare.split())


class _Automaton:
    """All patterns at once. Bit n is set when the n-th character of the patterns, one after the other, is matched."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Each pattern is normalised and has a character that is not a star."""
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
        """All but the last characters: what follows those are the first of the next patterns."""
        places: dict[str, list[int]] = {}
        for bit, char in enumerate("".join(letters)):
            places.setdefault(char, []).append(bit)
        self._places = {char: _bits(bits) for char, bits in places.items()}

    def first_in(self, text: str) -> int | None:
        """The number of the first pattern, as they were given, that the text contains."""
        solid = {char: _is_solid(char) for char in set(text)}
        matched = waiting = hits = 0
        """Bits whose character was just matched; bits in whose star the text is; patterns that were found."""
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
            # A star that begins here takes this word's characters, so a space ends it; but one right behind a space
            # belongs to the word that follows.
            waiting = (matched & self._starred) | (0 if char == " " else waiting)
            before = solid[char]
        hits |= matched & (self._last | self._last_at_edge)
        return bisect_right(self._ends, (hits & -hits).bit_length() - 1) if hits else None


def _before_stars(pattern: str, begin: int) -> Iterable[int]:
    """The bits of those characters that a star follows, but for the last character: its star is an open end."""
    bit, last = begin - 1, begin + len(pattern.replace("*", "")) - 1
    for char in pattern:
        if char != "*":
            bit += 1
        elif begin <= bit < last:
            yield bit


def _bits(places: Iterable[int]) -> int:
    """The number with these bits set; by way of bytes, for adding them one by one would copy it each time."""
    chosen = list(places)
    whole = bytearray(max(chosen, default=0) // 8 + 1)
    for place in chosen:
        whole[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(whole, "little")


def _is_solid(char: str) -> bool:
    """Whether a word goes on from this character to another such one."""
    return (char.isalnum() or char == "_") and not _UNSPACED.search(char)
