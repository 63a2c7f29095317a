"""What differs between the baseline and the candidate: parameters, code, packages, gates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from mainline.evaluation.results import Change
from mainline.runtime import git
from mainline.training.fingerprint import Parts

# What a pull request could change to pass its own review: sections of params.yaml, and files.
JUDGES = ("evaluate", "compare", "gates", "extensions")
MACHINE = (
    *(".github", "Makefile", "pipelines", "src/mainline"),
    *(":(glob)src/**/extensions.py", ":(glob)src/**/extensions/**"),  # a project's own gates and metrics
)


def of_model(before: Parts, now: Parts) -> list[Change]:
    """Differences between the parts of two fingerprints."""
    found = []
    for part in ("prepare", "split", "train", "task"):
        found += differences("parameter", {part: getattr(before, part)}, {part: getattr(now, part)})
    found += differences("parameter", {"data.until": before.clock}, {"data.until": now.clock})
    found += differences("package", before.packages, now.packages)
    found += differences("package", {"python": before.python}, {"python": now.python})
    old, new = before.code, now.code
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            state = "new" if path not in old else "removed" if path not in new else "changed"
            found.append(Change("code", path, None if path not in old else "…", None if state == "removed" else state))
    return found


def of_gates(root: Path, commit: str, params: str, suites: str) -> list[Change]:
    """What decides about a model and differs from `commit`: thresholds, expectation suites, Mainline, its workflows."""
    before = settings_of(git.git(root, "show", f"{commit}:{params}"))
    now = settings_of(text_of(root / params))
    found = []
    # Settings that cannot be read stop the run anyway; the changed files are listed in any case.
    if before is not None and now is not None:
        for part in JUDGES:
            found += differences("gate", {part: before.get(part)}, {part: now.get(part)})
        found += differences("gate", {"data.expectations": suites_of(before)}, {"data.expectations": suites_of(now)})
    folders = dict.fromkeys([suites, suites_of(before or {}) or suites])
    files = git.changed_files(root, commit, *folders, *MACHINE)
    files.sort(key=lambda name: not any(PurePosixPath(name).is_relative_to(folder) for folder in folders))
    return found + [Change("gate", name, "…", "changed") for name in files]


def settings_of(text: str | None) -> dict[str, Any] | None:
    try:
        found = yaml.load(text or "", Loader=yaml.CSafeLoader) or {}
    except (yaml.YAMLError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def text_of(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def suites_of(settings: Mapping[str, Any]) -> str | None:
    data = settings.get("data")
    return data.get("expectations") if isinstance(data, Mapping) else None


def differences(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    old, new = flatten(before), flatten(now)
    return [
        Change(kind, name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def flatten(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names and their values as text; an empty value counts as absent."""
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for name, inner in value.items():
            found |= flatten(inner, f"{prefix}.{name}" if prefix else str(name))
        return found
    if value is None or value == []:
        return {}
    if isinstance(value, list):
        return {prefix: ", ".join(map(str, value))}
    return {prefix: str(value)}
