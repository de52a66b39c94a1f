"""What a check found, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.redaction import Redactor

_MARKS = {True: "✓", False: "✗", None: "–"}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report."""

    name: str
    """Fixed, for scripts."""
    ok: bool | None
    """None: it could not be tried, or cannot be told."""
    summary: str
    """What was found, in a few words."""
    advice: str = ""
    """What the operator can do about it: one sentence."""


def as_text(findings: Iterable[CheckResult], discretion: Redactor) -> str:
    """One line each, for people; what `discretion` knows never appears."""
    return "\n".join(_redact(_line(each), discretion) for each in findings)


def as_json(findings: Sequence[CheckResult], discretion: Redactor) -> str:
    """The same for programs: whether all is well, and each check's name, ok (true, false or null), says and do."""
    checks = [
        {
            "name": each.name,
            "ok": each.ok,
            "says": _redact(each.summary, discretion),
            "do": _redact(each.advice, discretion),
        }
        for each in findings
    ]
    return json.dumps({"ok": all_ok(findings), "checks": checks}, ensure_ascii=False, indent=2)


def all_ok(findings: Iterable[CheckResult]) -> bool:
    """Whether nothing is wrong; what cannot be told is not wrong."""
    return not any(each.ok is False for each in findings)


def _line(finding: CheckResult) -> str:
    line = f"{_MARKS[finding.ok]} {finding.name}: {finding.summary}"
    return f"{line} → {finding.advice}" if finding.advice else line


def _redact(line: str, discretion: Redactor) -> str:
    """The line without secrets, whoever put them there (a server's answer may repeat what it was sent)."""
    return " ".join(discretion.hide(line).split())
