"""Modules and functions stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.import_graph import ROOT

MODULE_LINES = 300
FUNCTION_LINES = 45


def _list_too_long(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    length = len(text.splitlines())
    if length > MODULE_LINES:
        yield f"{path.relative_to(ROOT)}: {length} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{path.relative_to(ROOT)}: {node.name}: {length} lines"


def test_modules_and_functions_are_short() -> None:
    """No module has over 300 lines and no function over 45, the tests included."""
    paths = {path for folder in ("bot", "cogs", "tests") for path in (ROOT / folder).rglob("*.py")}
    assert len(paths) > 100
    assert [line for path in sorted(paths) for line in _list_too_long(path)] == []
