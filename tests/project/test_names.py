"""Names use the field's standard terms: the words of the old dialect do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.import_graph import ROOT

WORDS = frozenset(
    [
        "attic",
        "aftermath",
        "asker",
        "bell",
        "bury",
        "breakage",
        "ceilings",
        "deed",
        "deeds",
        "hops",
        "hush",
        "hushed",
        "ledger",
        "lineup",
        "mark_moved",
        "nobodys",
        "noway",
        "notnow",
        "patience",
        "presser",
        "roof",
        "roofs",
        "ruling",
        "rulings",
        "rush",
        "shelf",
        "shelves",
        "strays",
        "tally",
        "tallies",
        "tongue",
        "tongues",
        "weather",
        "judge",
        "desk",
        "spoken",
        "nudge",
        "nudged",
    ]
)
"""Of house names that were taken for poetry or riddles; each has a plain successor."""
FOLDERS = ("bot", "cogs", "tests")


def words_of(name: str) -> set[str]:
    """The words of an identifier: `_take_turn` and `TakeTurn` have two."""
    return {word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", part)} | {
        name.lower()
    }


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every identifier that a module defines or binds."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case ast.alias(asname=str(name)):
                yield name


def odd_names(file: Path, text: str) -> set[str]:
    """The names in one file, its own path included, that use one of the WORDS."""
    names = {*file.with_suffix("").parts, *names_in(ast.parse(text))}
    return {name for name in names if words_of(name) & WORDS}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_name_uses_a_word_of_the_old_dialect(folder: str) -> None:
    """Modules, classes, functions, parameters, variables and attributes."""
    found = {
        str(file.relative_to(ROOT)): odd
        for file in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in file.parts
        if (odd := odd_names(file.relative_to(ROOT), file.read_text()))
    }
    assert found == {}


def test_such_a_name_is_found() -> None:
    """As a class, a method, a parameter, a variable, an attribute, an alias and a module."""
    text = "import x as shelves\nclass Bell:\n def take_deed(self, roofs): self.rush = the_ledger = NoWay = roofs\n"
    found = odd_names(Path("bot/attic.py"), text)
    assert found == {"attic", "shelves", "Bell", "take_deed", "roofs", "rush", "the_ledger", "NoWay"}


def test_no_class_name_is_used_twice() -> None:
    """A class's name says which one is meant, outside the fakes and the tests."""
    places: dict[str, list[str]] = {}
    for top in ("bot", "cogs"):
        for file in sorted((ROOT / top).rglob("*.py")):
            if "sandbox" in file.parts:
                continue
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
