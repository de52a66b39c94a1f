"""The bot's log of a soak: no secret in it, and no traceback but those that the soak itself brings about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

HEAD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+ (?P<text>.*)$")
TRACEBACK = "Traceback (most recent call last):"
EXPLAINED = {
    r"discord\.client Attempting a reconnect": r".*",  # the gateway was shaken
    r"bot\.client\S* an interaction went wrong": r"aiohttp\.|discord\.errors\.|ConnectionResetError|TimeoutError|"
    r"sqlalchemy\.exc\.|asyncpg\.|ConnectionRefusedError|ConnectionDoesNotExistError",
    # the database was away
    r".*": r"\(?sqlalchemy\.|asyncpg\.|ConnectionRefusedError|ConnectionDoesNotExistError|bot\.store\.errors\.",
}
"""Log lines that may carry a traceback, and what this may end with: calls that were cut off on their way."""


def problems_of(lines: Sequence[str], secrets: Mapping[str, str]) -> list[str]:
    """One sentence for each kind of traceback that is not explained, and for each kind of secret that was told.

    `secrets` maps what must not appear to what it is.
    """
    log = "\n".join(lines)
    problems = [f"the log tells {what}" for what in {what for secret, what in secrets.items() if secret in log}]
    for (head, last), times in tracebacks(lines).items():
        if not any(re.match(pattern, head) and re.match(end, last) for pattern, end in EXPLAINED.items()):
            problems.append(f"{times} tracebacks after “{head}”, ending with “{last}”")
    return problems


def tracebacks(lines: Sequence[str]) -> Counter[tuple[str, str]]:
    """How often each traceback was logged, by the line that it belongs to and the error that it ends with."""
    found: Counter[tuple[str, str]] = Counter()
    head, inside, ended, last = "no line of the log", False, False, ""
    for line in [*lines, "2000-01-01 00:00:00 INFO the end of the log"]:
        if match := HEAD.match(line):
            if inside:
                found[head, last[:160]] += 1
            head, inside = re.sub(r"\d+", "N", match["text"]), False
        elif TRACEBACK in line:
            inside, ended = True, False
        elif line and not line.startswith(" ") and not ended:
            last, ended = line, True  # what comes after it was printed by somebody else
    return found
