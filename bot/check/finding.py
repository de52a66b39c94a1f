"""What a check found, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.redaction import Discretion

_MARKS = {True: "✓", False: "✗", None: "–"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    """Fixed, for scripts."""
    ok: bool | None
    """None: it could not be tried, or cannot be told."""
    says: str
    """What was found, in a few words."""
    do: str = ""
    """What the operator can do about it: one sentence."""


def as_text(findings: Iterable[Finding], discretion: Discretion) -> str:
    """One line each, for people; what `discretion` knows never appears."""
    return "\n".join(_hidden(_line(each), discretion) for each in findings)


def as_json(findings: Sequence[Finding], discretion: Discretion) -> str:
    """The same for programs: whether all is well, and each check's name, ok (true, false or null), says and do."""
    checks = [
        {"name": each.name, "ok": each.ok, "says": _hidden(each.says, discretion), "do": _hidden(each.do, discretion)}
        for each in findings
    ]
    return json.dumps({"ok": all_well(findings), "checks": checks}, ensure_ascii=False, indent=2)


def all_well(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong; what cannot be told is not wrong."""
    return not any(each.ok is False for each in findings)


def _line(finding: Finding) -> str:
    line = f"{_MARKS[finding.ok]} {finding.name}: {finding.says}"
    return f"{line} → {finding.do}" if finding.do else line


def _hidden(line: str, discretion: Discretion) -> str:
    """The line without secrets, whoever put them there (a server's answer may repeat what it was sent)."""
    return " ".join(discretion.hide(line).split())
