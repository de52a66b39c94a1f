"""Check results, and their text and JSON output."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.redaction import Redactor

_MARKS = {True: "✓", False: "✗", None: "–"}


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the report."""

    name: str
    """Stable, for scripts."""
    ok: bool | None
    """None: skipped or unknown."""
    summary: str
    """The finding, in a few words."""
    advice: str = ""
    """What the operator can do, as one sentence."""


def as_text(findings: Iterable[CheckResult], redactor: Redactor) -> str:
    """Return one line per result, with the secrets of `redactor` removed."""
    return "\n".join(_redact(_line(each), redactor) for each in findings)


def as_json(findings: Sequence[CheckResult], redactor: Redactor) -> str:
    """Return the results as JSON: `ok`, and per check name, ok (true, false or null), says and do."""
    checks = [
        {
            "name": each.name,
            "ok": each.ok,
            "says": _redact(each.summary, redactor),
            "do": _redact(each.advice, redactor),
        }
        for each in findings
    ]
    return json.dumps({"ok": all_ok(findings), "checks": checks}, ensure_ascii=False, indent=2)


def all_ok(findings: Iterable[CheckResult]) -> bool:
    """Whether no check failed; skipped checks have not failed."""
    return not any(each.ok is False for each in findings)


def _line(finding: CheckResult) -> str:
    line = f"{_MARKS[finding.ok]} {finding.name}: {finding.summary}"
    return f"{line} → {finding.advice}" if finding.advice else line


def _redact(line: str, redactor: Redactor) -> str:
    """Remove secrets, which a server's response may repeat, and line breaks."""
    return " ".join(redactor.hide(line).split())
