"""The README and .env.example say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import SecretStr

from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def default_of(name: str) -> str:
    """A setting's default as the documents write it."""
    field = Settings.model_fields[name.lower()]
    if field.is_required():
        return ""
    default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return str(default) if default or default == 0 else ""


def test_the_settings_table_is_the_codes() -> None:
    """Every setting stands in the README's table with its default, and nothing else does."""
    row = re.compile(r"^\| `([A-Z0-9_]+)` \| (?:`([^`]*)`|required|empty|off) \|", re.MULTILINE)
    rows = row.findall((ROOT / "README.md").read_text())
    assert {name for name, _ in rows} == {name.upper() for name in Settings.model_fields}
    for name, default in rows:
        assert default == default_of(name), name


def test_the_example_environment_is_the_codes() -> None:
    """.env.example names every setting: the required ones empty, the others commented out with their defaults."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = dict(line.removeprefix("# ").split("=", 1) for line in lines if re.match(r"(# )?[A-Z0-9_]+=", line))
    assert named.keys() == {name.upper() for name in Settings.model_fields}
    for name, value in named.items():
        assert value == default_of(name), name
        assert Settings.model_fields[name.lower()].is_required() == (f"{name}=" in lines), name
