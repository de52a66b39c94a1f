"""The graph of imports between modules: rooms, arrows, floors and circles (`python -m tests.support.import_graph`).

A room is a package or a module directly under a folder, an arrow one room that imports another. Imports inside
functions and under `if TYPE_CHECKING` count like any other. Prints one line per folder, as Markdown.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    "bot",
    "cogs",
    "bot/store",
    "bot/worker",
    "bot/media",
    "bot/client",
    "bot/services",
    "bot/domain",
    "bot/sandbox/discord",
    "bot/sandbox/foxapi",
)
Graph = dict[str, set[str]]


def modules(root: Path = ROOT, tops: Iterable[str] = ("bot", "cogs")) -> dict[str, Path]:
    """Every module of the program by its dotted name."""
    files = (file for top in tops for file in sorted((root / top).rglob("*.py")))
    return {name_of(file.relative_to(root)): file for file in files}


def name_of(file: Path) -> str:
    """A file's dotted name; a package's for its `__init__`."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path, known: Iterable[str]) -> Iterator[str]:
    """The program's own modules that a file imports, wherever the import stands."""
    known = set(known)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in known:
                    yield name
                elif node.module in known:
                    yield node.module


def module_graph(root: Path = ROOT) -> Graph:
    """Which module imports which."""
    found = modules(root)
    return {name: set(imports_of(file, found)) - {name} for name, file in found.items()}


def room_of(module: str, folder: str) -> str | None:
    """The part of `folder` (dotted) that a module belongs to; None: it is outside, or the folder's own `__init__`."""
    inside = module.removeprefix(f"{folder}.")
    return None if inside == module else inside.partition(".")[0]


def room_graph(graph: Graph, folder: str) -> Graph:
    """The same for the rooms of one folder."""
    rooms: Graph = defaultdict(set)
    for module, imported in graph.items():
        if (here := room_of(module, folder)) is None:
            continue
        rooms[here] |= {there for each in imported if (there := room_of(each, folder)) not in {None, here}}
    return rooms


def circles(graph: Graph) -> list[set[str]]:
    """The strongly connected parts of more than one node (Tarjan)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            part = {stack.pop()}
            while node not in part:
                part.add(stack.pop())
            if len(part) > 1:
                found.append(part)

    for node in graph:
        if node not in number:
            visit(node)
    return found


def floors(graph: Graph) -> int:
    """How many layers the graph needs; 0 where a circle leaves none."""
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError:
        return 0
    count = 0
    while sorter.is_active():
        ready = sorter.get_ready()
        sorter.done(*ready)
        count += 1
    return count


def main() -> int:
    """Print the figures."""
    graph = module_graph()
    print("| folder | rooms | arrows | floors | circles of rooms |\n|---|--:|--:|--:|---|")
    for folder in FOLDERS:
        rooms = room_graph(graph, folder.replace("/", "."))
        if rooms:
            tied = "; ".join(" ".join(sorted(part)) for part in circles(rooms)) or "none"
            arrows = sum(map(len, rooms.values()))
            print(f"| {folder}/ | {len(rooms)} | {arrows} | {floors(rooms) or '–'} | {tied} |")
    parts = circles(graph)
    print(f"\n{len(graph)} modules, {sum(map(len, graph.values()))} imports, {len(parts)} circles of modules")
    for part in parts:
        print("-", ", ".join(sorted(part)))
    return 1 if parts else 0


if __name__ == "__main__":
    sys.exit(main())
