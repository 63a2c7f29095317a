"""The frameworks that a project may train with besides scikit-learn: optional groups of packages in `pyproject.toml`.

None is installed by default. What is missing is named with the command that brings it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Framework:
    module: str  # that is imported
    group: str  # of `pyproject.toml`
    packages: tuple[str, ...]  # that bring the module: the one of the lock first


FRAMEWORKS = (
    Framework("lightgbm", "boosting", ("lightgbm",)),
    Framework("xgboost", "boosting", ("xgboost-cpu", "xgboost")),
    Framework("catboost", "boosting", ("catboost",)),
    Framework("torch", "torch", ("torch",)),
    Framework("skorch", "torch", ("skorch",)),
    Framework("keras", "keras", ("keras",)),
    Framework("tensorflow", "keras", ("tensorflow-cpu", "tensorflow")),
)
BY_MODULE = {framework.module: framework for framework in FRAMEWORKS}
GROUPS = tuple(dict.fromkeys(framework.group for framework in FRAMEWORKS))
# Modules of the same groups that are no frameworks: a conversion needs them.
CONVERTERS = {"onnxmltools": "boosting", "onnxscript": "torch"}
ENGINES = {"pyspark": "spark", "py4j": "spark", "grpc": "spark", "grpc_status": "spark", "zstandard": "spark"}


def install(module: str) -> str | None:
    """How to install the module; None where no optional group has it."""
    known = BY_MODULE.get(module)
    group = known.group if known else (CONVERTERS | ENGINES).get(module)
    if group is None:
        return None
    return f'install it with `make tools WITH={group}`, and for CI too: frameworks = ["{group}"] in pyproject.toml'


def keras_backend(environment: Mapping[str, str]) -> str:
    """The backend that Keras takes: by its variable, else by its own file, else TensorFlow."""
    folder = Path(environment.get("KERAS_HOME") or Path.home() / ".keras")
    named = environment.get("KERAS_BACKEND")
    if not named:
        try:
            named = json.loads((folder / "keras.json").read_text(encoding="utf-8"))["backend"]
        except (OSError, ValueError, LookupError, TypeError):
            named = None
    return str(named or "tensorflow")


def groups_of(modules: Iterable[str]) -> list[str]:
    """The optional groups that bring these modules, in the order of `GROUPS`."""
    found = {BY_MODULE[module].group for module in modules if module in BY_MODULE}
    return [group for group in GROUPS if group in found]


def named_by(root: Path, path: str) -> list[str]:
    """The frameworks that an import path leads to: by its package, or by what a package of the project imports."""
    package = path.replace(":", ".").partition(".")[0]
    if package in BY_MODULE:
        return [package]
    if package == "mainline":  # one of its own networks
        file = Path(__file__).parents[2] / f"{path.replace(':', '.').rpartition('.')[0].replace('.', '/')}.py"
        return [module for module in BY_MODULE if module in {*imports_of(file)}]
    source = root / "src" / package
    files = sorted(source.rglob("*.py")) if source.is_dir() else [source.with_suffix(".py")]
    found = {module for file in files for module in imports_of(file)}
    return [framework.module for framework in FRAMEWORKS if framework.module in found]


def imports_of(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # its import says so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
