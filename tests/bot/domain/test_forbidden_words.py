"""The word filter: what an entry matches, and that the search takes time in proportion to the text."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policy import find_forbidden, is_empty_pattern

TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("a CAT jumps", "cat"),
        ("a cat, jumping", "Cat"),
        ("the (cat)", "cat"),
        ("a c\u200ba\u00adt", "cat"),
        ("a cát", "cat"),
        ("ＣＡＴ", "cat"),
        ("c\u0336a\u0336t\u0336 zalgo", "cat"),
        ("two  \n words", "two words"),
        ("straße", "STRASSE"),
        ("我的猫咪很可爱", "猫咪"),
        ("I love猫咪", "love"),
        ("바보야", "바보"),
        ("killing it", "kill*"),
        ("they overkill", "*kill"),
        ("overkilling", "*kill*"),
        ("a cot", "c*t"),
        ("ct", "c*t"),
        ("no cab but a cart", "c*t"),
        ("killing you softly", "kill* you"),
        ("a a az", "a a*z"),
        ("他杀了人", "杀*人"),
        ("bad-word", "bad-word"),
        ("go 🔪 now", "🔪"),
    ],
)
def test_forbidden_words_are_found(text: str, entry: str) -> None:
    """Forbidden words are found in any case, accents, width and spacing, with invisible characters, and with stars."""
    assert find_forbidden(text, ("unrelated", entry)) == entry


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("a category", "cat"),
        ("bobcat", "cat"),
        ("cat_food", "cat"),
        ("ばか", "はか"),
        ("skill", "kill*"),
        ("a cart is here", "c*x"),
        ("call it", "c*t"),
        ("kill me and you", "kill* you"),
        ("two other words", "two words"),
        ("", "cat"),
    ],
)
def test_other_words_are_left_alone(text: str, entry: str) -> None:
    """A word inside another word does not match; a star does not match across words."""
    assert find_forbidden(text, (entry,)) is None


@pytest.mark.parametrize("entry", ["*", " ** ", "\u200b", "\u0301 *"])
def test_an_entry_without_anything_to_look_for_is_known(entry: str) -> None:
    """An entry that would match everything or nothing is detected."""
    assert is_empty_pattern(entry)
    assert not is_empty_pattern("a*")


EVIL = [
    *("*a" * 45 + "*bz*", "a*" * 49 + "bz", "a" * 97 + "bz", "a a*" * 20 + "bz", "*" * 98 + "bz", "ص*ل*ى*ق"),
] * 33
"""Patterns that make regular expressions backtrack exponentially, almost as many as a server can have."""


def steps(text: str) -> int:
    """Count the executed lines of the filter for a `text` that contains none of EVIL."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> TraceFunction | None:
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename == find_forbidden.__code__.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert find_forbidden(text, EVIL) is None
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("piece", ["aa", "a ", "aaaaaaa ", "\ufdfa", "a\u0301\u0323", "ab a"])
def test_the_work_grows_with_the_text_and_no_faster(piece: str) -> None:
    """Twice the text takes twice the steps, even if one character expands to eighteen."""
    once, twice, four_times = (steps(piece * times + " .ق b z") for times in (100, 200, 400))
    assert four_times - twice <= 2 * (twice - once) + 100


def test_the_worst_prompt_is_searched_to_its_end() -> None:
    """A match at the end of 4,096 characters, which expand to 73,728, is found among 200 entries with stars."""
    stars = "".join(f"{letter}*" for letter in "صلىالله" * 5)
    entries = [f"*{stars}{chr(0x4E00 + number)}" for number in range(199)] + ["*وسلمق"]
    assert find_forbidden("\ufdfa" * 4095 + "ق", entries) == "*وسلمق"


def test_a_pattern_never_runs_on_into_the_next() -> None:
    """Entries are searched together, but a match never spans the end of one and the start of another."""
    assert find_forbidden("ab", ("xa", "b")) is None
    assert find_forbidden("a b", ("c a", "b*x", " b")) == " b"


@given(st.text("ab *", max_size=12), st.text("ab *", min_size=1, max_size=6))
def test_stars_mean_what_a_plain_search_says(text: str, entry: str) -> None:
    """The fast search finds exactly what a brute-force search finds."""
    words, stars = " ".join(text.split()), re.sub(r"\*+", "*", " ".join(entry.split()))
    edge_left = r"(?<![ab])" if stars[:1] not in {"*", ""} else ""
    edge_right = r"(?![ab])" if stars[-1:] not in {"*", ""} else ""
    slow = re.compile(edge_left + "[^ ]*".join(map(re.escape, stars.split("*"))) + edge_right)
    assert (find_forbidden(text, (entry,)) is not None) == (slow.search(words) is not None)
