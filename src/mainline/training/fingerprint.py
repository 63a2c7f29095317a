"""The fingerprint: one hash of everything that can change the model.

Data, parameters, code and locked dependencies go in; comments in `params.yaml`, thresholds,
documents and tests do not. Two runs with the same fingerprint have the same model.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainline.config import frameworks
from mainline.config.schema import Settings
from mainline.runtime import models
from mainline.training.packages import foreign

FILE = re.compile(r"^(    |sdist = )\{ url = .*\n", re.MULTILINE)  # of a package, in `uv.lock`
# Of the machine's own modules and packages, those that the model passes through; a test trains a model in a
# fresh interpreter and compares this list with what was imported.
MODEL_MODULES = frozenset(
    {
        "config.extensions",
        "config.frameworks",
        "config.api",
        "config.schema",
        "config.section",
        "config.sources",
        "config.user_code",
        "data.as_written",
        "data.exact_numbers",
        "data.frame_size",
        "data.collect",
        "data.column_types",
        "data.content_key",
        "data.conversion",
        "data.lineage",
        "data.messages",
        "data.prepare",
        "data.sources",
        "data.spark",
        "data.split",
        "errors",
        "runtime.atomic_files",
        "runtime.file_digests",
        "runtime.models",
        "runtime.quick_imports",
        "runtime.workspace",
        "training.early_stopping",
        "training.estimators",
        "training.fingerprint",
        "training.frameworks",
        "training.matrix",
        "training.packages",
        "training.parts",
        "training.pipeline",
        "training.sample",
        "training.seeds",
        "training.tree_counts",
    }
)


MEASURES = ("metric", "blocks", "resamples", "confidence", "seed")  # of `compare`: what an interval comes from


@dataclass(frozen=True)
class Parts:
    """What a fingerprint is computed from. Sections of the settings are kept as JSON: another version has others."""

    tables: dict[str, str]  # digests of the collected tables by name
    clock: str  # the data cutoff, ISO 8601
    prepare: dict[str, Any]
    code: dict[str, str]  # digests by path from the checkout's top
    packages: dict[str, str]  # locked versions by name
    python: str  # version and processor
    task: str
    split: dict[str, Any]
    train: dict[str, Any]


@dataclass(frozen=True)
class Fingerprint:
    """`frame` identifies the prepared frame, `model` the model trained on it."""

    model: str
    frame: str
    parts: Parts


def fingerprint(root: Path, settings: Settings, tables: Mapping[str, str]) -> Fingerprint:
    """The fingerprint of a checkout; `tables` are the digests of the collected tables by name."""
    shared: dict[str, Any] = {
        "tables": dict(tables),
        "clock": settings.data.cutoff.isoformat(),
        "prepare": settings.prepare.model_dump(mode="json", exclude={"time_travel_checks"}),
        "code": code_digests(root),
        "packages": packages_of(root, settings),
        "python": f"{sys.version_info.major}.{sys.version_info.minor} {platform.machine()}",
    }
    training: dict[str, Any] = {
        "task": settings.task,
        "split": settings.split.model_dump(mode="json", exclude_none=True),
        "train": settings.train.model_dump(mode="json", exclude={"repeats"}),  # it changes no model
    }
    backend = frameworks.keras_backend(os.environ)
    if backend != "tensorflow" and "keras" in frameworks.named_by(root, settings.train.estimator):
        training["train"]["keras_backend"] = backend  # another one is another model
    if settings.export.optimise:
        training["train"]["optimise"] = optimising(root, settings)
    frame = digest(shared)
    return Fingerprint(digest({"frame": frame, **training}), frame, Parts(**shared, **training))


def optimising(root: Path, settings: Settings) -> dict[str, Any]:
    """What decides how small the model of `export.optimise` is: the rules, and all code that may measure it."""
    rules = {
        "margins": settings.gates.margins,
        "threshold": settings.evaluate.threshold,
        "tolerance": settings.export.tolerance,
        "compare": settings.compare.model_dump(mode="json", include=set(MEASURES)),
    }
    files = sorted(
        path for room in ("evaluation", "packaging") for path in (root / "src/mainline" / room).rglob("*.py")
    )
    code = {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {"rules": rules, "code": digest(code)}


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def code_files(root: Path) -> list[Path]:
    """The project's code that the model passes through: all of `src/` but the machine's rest and other models' own.

    Whatever lies there counts, such as a query or a lookup table beside the module that reads it.
    """
    source = root / "src"
    others = foreign(root, models.selected())
    return sorted(p for p in source.glob("**/*") if p.is_file() and _shapes_the_model(p.relative_to(source), others))


def _shapes_the_model(path: Path, others: Set[str]) -> bool:
    if path.parts[0].removesuffix(".py") in others:
        return False
    if path.suffix == ".pyc" or any(part.startswith(".") or part.endswith(".egg-info") for part in path.parts):
        return False
    if path.parts[0] != "mainline":
        return True
    module = path.with_suffix("").parts[1:]
    return path.suffix == ".py" and any(".".join(module[:end]) in MODEL_MODULES for end in range(1, len(module) + 1))


def code_digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in code_files(root)
    }


def packages_of(root: Path, settings: Settings) -> dict[str, str]:
    """Locked versions by name: of the group `train`, and of the frameworks that the estimator leads to."""
    groups = frameworks.groups_of(frameworks.named_by(root, settings.train.estimator))
    found = locked_packages(root)
    for group in groups:
        found |= locked_packages(root, group)
    return dict(sorted(found.items()))


def locked_packages(root: Path, group: str = "train") -> dict[str, str]:
    """Name and version of every package that `uv.lock` gives to the project and the group.

    A lock names a package more than once where Pythons differ: the versions are joined.
    """
    lock_file = root / "uv.lock"
    if not lock_file.exists():
        return {}
    lock = parsed(lock_file.read_text(encoding="utf-8"))
    by_name: dict[str, list[dict[str, Any]]] = {}
    for package in lock.get("package", []):
        by_name.setdefault(package["name"], []).append(package)
    own: dict[str, Any] = {}
    for package in lock.get("package", []):
        if package.get("source", {}).keys() & {"editable", "virtual"}:
            own = package
    todo = [*own.get("dependencies", []), *own.get("dev-dependencies", {}).get(group, [])]
    reached: set[tuple[str, str]] = set()
    while todo:
        dependency = todo.pop()
        name, extras = dependency["name"], tuple(dependency.get("extra", []))
        for extra in ("", *extras):
            if (name, extra) not in reached:
                reached.add((name, extra))
                todo += _dependencies(by_name.get(name, []), extra)
    names = sorted({name for name, _ in reached})
    return {name: " ".join(sorted(p.get("version", "") for p in by_name.get(name, []))) for name in names}


@functools.lru_cache(maxsize=2)
def parsed(lock: str) -> dict[str, Any]:
    """A lock without the files of its packages: they are nine tenths of it, and take 0.2 seconds to parse."""
    return tomllib.loads(FILE.sub("", lock))


def _dependencies(packages: Iterable[dict[str, Any]], extra: str) -> list[dict[str, Any]]:
    if extra:
        return [d for p in packages for d in p.get("optional-dependencies", {}).get(extra, [])]
    return [d for p in packages for d in p.get("dependencies", [])]
