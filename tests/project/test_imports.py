"""The shape of the program: imports run one way, in the whole and in each folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.import_graph import FOLDERS, ROOT, circles, module_graph, room_graph


def test_no_module_imports_itself_by_a_detour() -> None:
    """No circle of modules is left, imports for type checkers and inside functions counted."""
    assert circles(module_graph()) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_rooms_of_a_folder_form_no_circle(folder: str) -> None:
    """The packages and modules of a folder can be drawn in floors."""
    assert (ROOT / folder).is_dir()
    assert circles(room_graph(module_graph(), folder.replace("/", "."))) == []


def test_a_circle_is_found_wherever_its_imports_stand(tmp_path: Path) -> None:
    """Three modules that import each other, once at the top, once for the type checker, once in a function."""
    files = {
        "a.py": "from bot import b\n",
        "b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bot.c import thing\n",
        "c.py": "def thing() -> None:\n    import bot.a\n",
        "d.py": "from bot import a\n",
    }
    (tmp_path / "bot").mkdir()
    for name, text in files.items():
        (tmp_path / "bot" / name).write_text(text)
    assert circles(module_graph(tmp_path)) == [{"bot.a", "bot.b", "bot.c"}]
