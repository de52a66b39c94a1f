"""Members' words are shown as they were written."""

from __future__ import annotations

import re

import pytest

from cogs.common.formatting import escape_text, quote_prompt

_SPECIAL = re.compile(r"(?<!\\)(?:<(?:@[!&]?|#|a?:|t:|/|id:)|\*|_|~~|\|\||`|\[[^\]]*\]\()")
"""What Discord would turn into something else, unless a backslash is in front of it."""


@pytest.mark.parametrize(
    "words",
    [
        "<@1100000000000000011> and <@!11> and <@&22>",
        "<#33> </extend:44> <id:customize>",
        "<t:1795733167:R>",
        "<:smile:55> <a:wave:66>",
        "[free gift](https://example.com)",
        "**bold** _it_ ~~no~~ ||what|| `code`",
        "a < b",
    ],
)
def test_nothing_of_a_prompt_is_turned_into_something_else(words: str) -> None:
    """Mentions, times, emoji, links and formatting are escaped, and without the backslashes the words are unchanged."""
    for shown in (escape_text(words), quote_prompt(words).removeprefix("> ")):
        assert not _SPECIAL.search(shown)
        assert shown.replace("\\", "") == words


def test_marks_that_turn_the_direction_are_removed() -> None:
    """A prompt cannot turn around the text that follows it."""
    assert escape_text("see \u202egpj.exe\u2066 now\u200f") == "see gpj.exe now"
