"""Which module imports which, read from the source with `ast`: nothing is executed.

Imports inside functions and under `TYPE_CHECKING` count too: they are knowledge of another room as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Imports = Mapping[str, set[str]]

TOP = Path(__file__).resolve().parents[1]

# From the ground up; each room imports rooms before it in this list only.
ROOMS = (
    "errors", "runtime", "config", "serving", "data", "training", "evaluation", "registry", "report", "packaging",
    "execution", "monitoring", "release", "retraining", "search", "github", "demo", "init", "cli",
)  # fmt: skip


def imports(top: Path = TOP) -> dict[str, set[str]]:
    """The modules of this repository that each of its modules imports; tests are left out."""
    files = {name_of(path, base): path for base, path in sources(top)}
    return {name: {found for found in imported(path, name, files) if found != name} for name, path in files.items()}


def sources(top: Path) -> Iterator[tuple[Path, Path]]:
    """Each source file after the folder that its import path begins below."""
    for base, folder in (("src", "src"), (".", "pipelines"), (".", "benchmarks")):
        yield from ((top / base, path) for path in sorted((top / folder).rglob("*.py")))


def name_of(path: Path, base: Path) -> str:
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, name: str, files: Mapping[str, Path]) -> Iterator[str]:
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: a relative import; this repository writes whole import paths"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield from (found for found in (module if module in files else node.module,) if found in files)


def statements(block: ast.AST) -> Iterator[ast.AST]:
    """Every statement below a block, its handlers and cases too; expressions, which are most of a tree, hold none."""
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for node in getattr(block, field, ()):
            yield node
            yield from statements(node)


def room(module: str) -> str | None:
    """The room of a module of `mainline`; None for another package's, and for `mainline` itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "mainline" and len(parts) > 1 else None


def upward(found: Imports) -> list[str]:
    """Each import of a higher room from a lower one, as `importing -> imported`."""
    return [
        f"{module} -> {other}"
        for module, others in found.items()
        for other in sorted(others)
        if (below := room(module)) in ROOMS and (above := room(other)) in ROOMS
        if ROOMS.index(above) > ROOMS.index(below)
    ]  # fmt: skip


def circle(found: Imports) -> list[str]:
    """The modules of one circle of imports; empty where there is none."""
    try:
        TopologicalSorter(found).prepare()
    except CycleError as error:
        modules: list[str] = error.args[1]
        return modules
    return []


def between_rooms(found: Imports) -> dict[str, set[str]]:
    """For each room the rooms that it imports."""
    rooms: dict[str, set[str]] = {name: set() for name in ROOMS}
    for module, others in found.items():
        for other in others:
            here, there = room(module), room(other)
            if here in rooms and there in rooms and here != there:
                rooms[here].add(there)
    return rooms
