"""Checks the bot's log of a soak test: no secrets, and only tracebacks that the injected faults explain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

HEAD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+ (?P<text>.*)$")
TRACEBACK = "Traceback (most recent call last):"
EXPLAINED = {
    r"discord\.client Attempting a reconnect": r".*",  # the gateway was disconnected
    r"bot\.client\S* an interaction went wrong": r"aiohttp\.|discord\.errors\.|ConnectionResetError|TimeoutError|"
    r"sqlalchemy\.exc\.|asyncpg\.|ConnectionRefusedError|ConnectionDoesNotExistError",
    # the database was unavailable
    r".*": r"\(?sqlalchemy\.|asyncpg\.|ConnectionRefusedError|ConnectionDoesNotExistError|bot\.store\.errors\.",
}
"""Log lines that may have a traceback, and its allowed last lines: calls that were cut off."""


def find_problems(lines: Sequence[str], secrets: Mapping[str, str]) -> list[str]:
    """Return a sentence for each kind of unexplained traceback and each kind of leaked secret.

    `secrets` maps each text that must not appear to its description.
    """
    log = "\n".join(lines)
    problems = [f"the log contains {what}" for what in {what for secret, what in secrets.items() if secret in log}]
    for (head, last), times in count_tracebacks(lines).items():
        if not any(re.match(pattern, head) and re.match(end, last) for pattern, end in EXPLAINED.items()):
            problems.append(f"{times} tracebacks after “{head}”, ending with “{last}”")
    return problems


def count_tracebacks(lines: Sequence[str]) -> Counter[tuple[str, str]]:
    """Count the tracebacks by the log line they belong to and their last line."""
    found: Counter[tuple[str, str]] = Counter()
    head, inside, ended, last = "no log line", False, False, ""
    for line in [*lines, "2000-01-01 00:00:00 INFO the end of the log"]:
        if match := HEAD.match(line):
            if inside:
                found[head, last[:160]] += 1
            head, inside = re.sub(r"\d+", "N", match["text"]), False
        elif TRACEBACK in line:
            inside, ended = True, False
        elif line and not line.startswith(" ") and not ended:
            last, ended = line, True  # lines after it belong to something else
    return found
