"""Which code below `src/` a model does not pass through, because other models of the repository alone name it.

A package belongs to the models whose settings lead to it: by an import path, and from there by imports and by texts
that hold its name. What no model leads to counts for every model: it may be imported in a way that nobody sees. In a
repository with one model everything counts.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mainline.errors import ConfigurationError
from mainline.runtime import models
from mainline.runtime.models import Model

PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*(?::\w+)?")  # an import path, such as `shop.frame:prepare`
MACHINE = "mainline"


def foreign(root: Path, model: Model) -> set[str]:
    """The names below `src/` that other models lead to, and this one does not."""
    try:
        others = [each for each in models.here(root) if each != model]
    except ConfigurationError:  # the command that was called says so
        return set()
    if not others:
        return set()
    known = mentions(root)
    mine = reached(root, model, known)
    return {name for other in others for name in reached(root, other, known)} - mine


def reached(root: Path, model: Model, known: Mapping[str, set[str]]) -> set[str]:
    """The names below `src/` that the model's settings lead to; `known` are those that each of them mentions."""
    todo = [name for text in texts(root / model.params) if (name := first(text)) in known]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += known[name]
    return found


def texts(params: Path) -> tuple[str, ...]:
    """Every text in the settings; none where they cannot be read, which stops the run anyway."""
    try:
        return texts_in(params.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ()


@functools.lru_cache(1024)  # of forty models each is asked forty times
def texts_in(settings: str) -> tuple[str, ...]:
    todo: list[Any] = [yaml.load(settings, Loader=yaml.CSafeLoader)]
    found = []
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, str):
            found.append(value)
    return tuple(found)


def first(text: str) -> str:
    """The package of an import path; empty for any other text."""
    return re.split(r"[.:]", text)[0] if PATH.fullmatch(text) else ""


def mentions(root: Path) -> dict[str, set[str]]:
    """For each package or module below `src/`, the others that it imports or that its texts name."""
    source = root / "src"
    files: dict[str, list[Path]] = {}
    for path in sorted(source.glob("**/*.py")):
        inside = path.relative_to(source)
        files.setdefault(inside.parts[0] if len(inside.parts) > 1 else inside.stem, []).append(path)
    files.pop(MACHINE, None)
    names = set(files)
    return {name: {word for path in paths for word in words(path)} & names - {name} for name, paths in files.items()}


def words(path: Path) -> Iterator[str]:
    """What a module imports, and the words of its texts: a package can be imported by its name too."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # its import says so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\w+", node.value)
