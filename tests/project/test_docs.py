"""The documents and .env.example match the code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "OPERATING.md", "ARCHITECTURE.md", "BENCHMARKS.md", "CONTRIBUTING.md", "SECURITY.md")


def default_of(name: str) -> str:
    """Return a setting's default as the documents write it."""
    field = Settings.model_fields[name.lower()]
    if field.is_required():
        return ""
    default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return str(default) if default or default == 0 else ""


def test_the_settings_table_is_the_codes() -> None:
    """OPERATING.md's table lists every setting with its default, and nothing else."""
    row = re.compile(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]*)`|required|empty|off) \|", re.MULTILINE)
    rows = row.findall((ROOT / "OPERATING.md").read_text())
    assert {name for name, _ in rows} == {name.upper() for name in Settings.model_fields}
    for name, default in rows:
        assert default == default_of(name), name


def test_the_example_environment_is_the_codes() -> None:
    """.env.example lists every setting: required ones empty, others commented out with their defaults."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = dict(line.removeprefix("# ").split("=", 1) for line in lines if re.match(r"(# )?[A-Z0-9_]+=", line))
    assert named.keys() == {name.upper() for name in Settings.model_fields}
    for name, value in named.items():
        assert value == default_of(name), name
        assert Settings.model_fields[name.lower()].is_required() == (f"{name}=" in lines), name


def test_the_readme_is_short() -> None:
    """A newcomer reads the README in one go: 150 lines at most."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    """Every relative link names a file that exists, and every anchor a heading of that file."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / document).read_text()):
        name, _, anchor = target.partition("#")
        file = ROOT / (name or document)
        assert file.exists(), target
        assert not anchor or anchor in anchors_of(file.read_text()), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_and_programs_in_documents_exist(document: str) -> None:
    """Every path in back-ticks exists, and so does every module of a `python -m` command."""
    text = (ROOT / document).read_text()
    for path in re.findall(r"`((?:bot|cogs|tests)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m ((?:bot|tests)[\w.]*)", text):
        assert importlib.util.find_spec(module), module


def anchors_of(text: str) -> set[str]:
    """Return the anchors that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
